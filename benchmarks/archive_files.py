"""What judging a bag of very many files in a tar or zip file costs: seconds, CPU, and peak memory, each in a process.

python benchmarks/archive_files.py [FILES …]        (100,000 and 1,000,000, if nothing is said)

The bag is that of ``generated_bag.py``, written to a file in the folder for temporary files: a tar of a million files
has 1.2 GB. The rows named ``folder`` read the same bag from the generated store, without any disk.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from apart import Cost, cost_of, for_each_number, print_own_cost
from generated_bag import FOLDER, GeneratedBag, GeneratedStore

from bagfill.bag.rules.finding import Profile
from bagfill.steps.validate_archive import validate_archive
from bagfill.steps.validate_bag import Verdict, validate_bag

_FAST = 1


class WrongVerdict(RuntimeError):
    """A sound bag was not found to be one: the figures say nothing."""


def measure(files: int, say: Callable[[object], None] = lambda _: None) -> list[Cost]:
    """The verdict on one bag in each kind of archive, and in a folder. Raises WrongVerdict, CalledProcessError."""
    costs = []
    with tempfile.TemporaryDirectory(prefix="bagfill-archives-") as name:
        folder = Path(name)
        bag = GeneratedBag(files, folder)
        for kind, write in WRITERS.items():
            path = folder / f"bag.{kind}"
            write(bag, path)
            command = [sys.executable, __file__, "--judge", kind, str(files), str(path)]
            costs.append(cost_of(kind, files, command))
            path.unlink(missing_ok=True)
            say(costs[-1])
    return costs


def judge(kind: str, files: int, path: Path) -> Verdict:
    """The verdict on a bag that lies in a file, or in a folder that is made up."""
    if kind == "folder":
        return validate_bag(GeneratedStore(GeneratedBag(files, path.parent), "made up", None), FOLDER, Profile.BAGIT)
    return validate_archive(path, Profile.BAGIT)


def write_tar(bag: GeneratedBag, path: Path) -> None:
    """The bag in a tar file."""
    with tarfile.open(path, "w") as archive:
        _add_all(bag, archive)


def write_tar_gz(bag: GeneratedBag, path: Path) -> None:
    """The bag in a compressed tar file."""
    with tarfile.open(path, "w:gz", compresslevel=_FAST) as archive:
        _add_all(bag, archive)


def write_zip(bag: GeneratedBag, path: Path) -> None:
    """The bag in a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive:
        for name, data in _files(bag):
            archive.writestr(zipfile.ZipInfo(f"bag/{name}"), data, zipfile.ZIP_DEFLATED)


WRITERS: dict[str, Callable[[GeneratedBag, Path], None]] = {
    "tar": write_tar,
    "tar.gz": write_tar_gz,
    "zip": write_zip,
    "folder": lambda bag, path: None,  # noqa: ARG005 - nothing to write
}


def _add_all(bag: GeneratedBag, archive: tarfile.TarFile) -> None:
    for name, data in _files(bag):
        info = tarfile.TarInfo(f"bag/{name}")
        info.size = len(data)
        archive.addfile(info, BytesIO(data))
        # The library keeps them, for whoever asks.
        archive.getmembers().clear()


def _files(bag: GeneratedBag) -> Iterator[tuple[str, bytes]]:
    for name in bag.paths():
        yield name, b"".join(bag.read(name, 0, bag.size(name)))


def _judge_here(kind: str, files: int, path: Path) -> None:
    begun = time.monotonic()
    verdict = judge(kind, files, path)
    seconds = time.monotonic() - begun
    if not verdict.is_valid or verdict.files != files + 4:
        raise WrongVerdict(f"{kind}: {verdict.files} files, {verdict.findings[:3]}")
    print_own_cost(seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--judge"]:
        _judge_here(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        for_each_number(measure)
