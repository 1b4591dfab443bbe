"""CPU of ``bagfill validate`` beside ``bagit.py --validate`` on the same bag: a few large files, and many small ones.

Prints a table and, with ``--json FILE``, writes rows ``{name, ours, peer_name, peer, ratio, unit}``. Each program is a
process of its own, as a person starts it; of several runs, in turns, the least counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bagit

MIB = 1024 * 1024
SHAPES = {
    "one file of 10 bytes (the start of the program)": (1, 10),
    "2 GiB in 8 files": (8, 256 * MIB),
    "5,000 files of 4 KiB": (5_000, 4096),
}
PEER = "bagit.py --validate"


def make_bag(folder: Path, files: int, size: int) -> None:
    """A bag of random bytes, with the manifests that the peer makes by default (SHA-256 and SHA-512)."""
    source = random.Random(files)
    for number in range(files):
        path = folder / f"folder-{number % 50:02d}" / f"{number:05d}.bin"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as out:
            # Piece by piece: the generator makes less than 256 MiB in one call.
            for start in range(0, size, MIB):
                out.write(source.randbytes(min(MIB, size - start)))
    bagit.make_bag(str(folder))


def cpu_seconds(command: Sequence[str | Path]) -> float:
    """User and system time of one process and its children, in seconds."""
    before = os.times()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    after = os.times()
    assert done.returncode == 0, done.stderr
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def validation_rows(runs: int) -> list[dict[str, Any]]:
    """One row for each shape of bag."""
    binaries = Path(sys.executable).parent
    found = []
    for name, (files, size) in SHAPES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "bag"
            folder.mkdir()
            make_bag(folder, files, size)
            ours_command = [sys.executable, "-m", "bagfill", "validate", folder, "--profile", "bagit"]
            peer_command = [sys.executable, binaries / "bagit.py", "--validate", "--quiet", folder]
            pairs = [(cpu_seconds(ours_command), cpu_seconds(peer_command)) for _ in range(runs)]
        ours, peer = min(one for one, _ in pairs), min(other for _, other in pairs)
        row = {"name": f"validate {name}", "ours": ours, "peer_name": PEER, "peer": peer}
        found.append({**row, "ratio": ours / peer, "unit": "CPU seconds"})
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    measured = validation_rows(given.runs)
    for row in measured:
        print(f"{row['name']:56} {row['ours']:7.2f} {row['unit']}  {PEER} {row['peer']:7.2f}  ratio {row['ratio']:.2f}")
    if given.json is not None:
        given.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
