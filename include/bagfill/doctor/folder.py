"""A folder: whether it is there, and whether this user may do with it what is needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.quantities import show_size
from bagfill.storage.location import Location

_LITTLE = 1024**3


def examine_folder(location: Location, *, needs_writing: bool, is_area: bool = False) -> Sequence[Finding]:
    """What is to be said of a folder.

    Args:
        location: a local one.
        needs_writing: whether objects are created there.
        is_area: whether it is one of ours, which is made when it is missing. The folder of a location never is: a disk
            that is not mounted would look like an empty one.
    """
    folder = Path(location.bucket)
    found = [("folder-missing", _is_there(folder, is_made=is_area))]
    if folder.is_dir():
        found.append(("folder-access", _access(folder, needs_writing=needs_writing)))
        if needs_writing:
            found.append(("disk-full", _room(folder)))
    return [Finding(code, location.name, None, None, diagnosis) for code, diagnosis in found]


def _is_there(folder: Path, *, is_made: bool) -> Diagnosis:
    if folder.is_dir():
        return good(f"{folder} is there")
    if is_made and _nearest(folder) is not None:
        return Diagnosis(Verdict.NOTE, f"{folder} is not there yet; it is made when it is opened")
    return Diagnosis(Verdict.MEND, f"{folder} is no folder", "Make it, mount it, or correct path in the settings.")


def _nearest(folder: Path) -> Path | None:
    """The folder in which it would be made."""
    nearest = next((parent for parent in folder.parents if parent.exists()), None)
    return nearest if nearest is not None and os.access(nearest, os.W_OK | os.X_OK) else None


def _access(folder: Path, *, needs_writing: bool) -> Diagnosis:
    wanted = {"read": os.R_OK | os.X_OK} | ({"write": os.W_OK} if needs_writing else {})
    missing = [word for word, mode in wanted.items() if not os.access(folder, mode)]
    if missing:
        advice = f"Give user {os.geteuid()} the right to {' and '.join(missing)} in {folder}."
        return Diagnosis(Verdict.MEND, f"may not {' nor '.join(missing)}", advice)
    return good(f"may {' and '.join(wanted)}")


def _room(folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    if free < _LITTLE:
        return Diagnosis(Verdict.MEND, f"{show_size(free)} are free", "Make room, or take another disk.")
    return good(f"{show_size(free)} are free")
