"""The storage service's one text for files that are missing, too short, or changed (V37)."""

from __future__ import annotations

from collections.abc import Sequence


def unable_to_verify(paths: Sequence[str]) -> str:
    """``Unable to verify one file in the bag: P``, or ``N files …``."""
    count = "one file" if len(paths) == 1 else f"{len(paths)} files"
    return f"Unable to verify {count} in the bag: {', '.join(paths)}"
