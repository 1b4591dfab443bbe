"""``bagfill validate`` beside ``bagit.py --validate``, which is what the field uses, on the same folders."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import bagit
from measured import run_measured
from rows import Row
from sample_bags import GIB, KIB, MIB

PEER = "bagit.py --validate"


@dataclass(frozen=True, slots=True)
class Folder:
    """A bag in a folder.

    Args:
        name: of its row.
        bag: in words.
        files: payload files.
        file_bytes: size of each.
    """

    name: str
    bag: str
    files: int
    file_bytes: int

    def make(self, folder: Path) -> None:
        """Random bytes, with the manifests that the peer makes by default (SHA-256 and SHA-512)."""
        source = random.Random(self.files)
        for number in range(self.files):
            path = folder / f"folder-{number % 50:02d}" / f"{number:05d}.bin"
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as out:
                # Piece by piece: the generator makes less than 256 MiB in one call.
                for start in range(0, self.file_bytes, MIB):
                    out.write(source.randbytes(min(MIB, self.file_bytes - start)))
        bagit.make_bag(str(folder), processes=2)


SMALL = Folder("validate_local_small_files", "5,000 files of 4 KiB", 5000, 4 * KIB)
START = Folder("validate_local_start", "one file of 10 bytes: the start of the program", 1, 10)
FULL = (Folder("validate_local", "2 GiB in 8 files, SHA-256 and SHA-512", 8, 2 * GIB // 8), SMALL, START)
QUICK = (Folder("validate_local", "96 MiB in 8 files, SHA-256 and SHA-512", 8, 96 * MIB // 8), START)


def validation_rows(folders: Sequence[Folder], repeats: int, say: Callable[[str], None]) -> list[Row]:
    """Medians of whole processes, in turns. Raises ProgramFailed when one says that the bag is not valid."""
    programs = (
        (sys.executable, "-m", "bagfill", "validate", "--profile", "bagit"),
        (sys.executable, str(Path(sys.executable).parent / "bagit.py"), "--validate", "--quiet"),
    )
    rows = []
    for folder in folders:
        with tempfile.TemporaryDirectory() as place:
            folder.make(Path(place))
            # The first round warms the page cache, and does not count.
            rounds = [[run_measured((*program, place), os.environ) for program in programs] for _ in range(repeats + 1)]
        ours, peer = (median(usages[number].cpu for usages in rounds[1:]) for number in range(2))
        say(f"{folder.name}: ours {ours:.2f}, {PEER} {peer:.2f} CPU s")
        rows.append(Row(folder.name, ours, "CPU s", PEER, peer, bag=folder.bag))
    return rows
