"""``make bench``: measures what moving and proving costs, beside rclone, and writes ``results/latest.json``.

``python benchmarks/run.py [full|quick]``. Quick uses smaller bags, one round and no Airflow, and ends within a minute:
its figures are rough, since a task's start weighs more in them.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from airflow_bag import airflow_rows
from data_plane import WrongResult, cores, destination_names, measure
from measured import ProgramFailed
from places import prepare
from rows import RESULTS, Row, machine, print_table, write_json
from sample_bags import Shape

from bagfill.demo.azurite import Azurite
from bagfill.demo.programs import StartFailed
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.server import NotInstalled, project_folder


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    shapes: tuple[Shape, ...]
    repeats: int
    with_airflow: bool


EXTENTS = {
    "full": Extent(
        (
            Shape("200 × 5 MiB", "benchmark/five-mib", 200, 5 * 1024**2),
            Shape("5,000 × 16 KiB", "benchmark/sixteen-kib", 5000, 16 * 1024),
        ),
        repeats=3,
        with_airflow=True,
    ),
    "quick": Extent(
        (
            Shape("20 × 5 MiB", "benchmark/five-mib", 20, 5 * 1024**2),
            Shape("500 × 16 KiB", "benchmark/sixteen-kib", 500, 16 * 1024),
        ),
        repeats=1,
        with_airflow=False,
    ),
}


def main(which: str = "full") -> None:
    if which not in EXTENTS:
        sys.exit(f"found {which!r}, allowed are {', '.join(EXTENTS)}")
    extent = EXTENTS[which]
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {text}", flush=True)

    folder = project_folder() / ".bagfill" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        rows = _moved(extent, folder, say)
        rows += airflow_rows(folder / "airflow", say) if extent.with_airflow else [_left_out()]
    except (NotInstalled, ProgramFailed, StartFailed, WrongResult) as error:
        sys.exit(f"no figures: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_json(rows)
    print_table(rows, f"{which}: medians of {extent.repeats}; {cores()} cores, {machine()}; lower is better")
    print(f"written to {RESULTS}")


def _moved(extent: Extent, folder: Path, say: Callable[[str], None]) -> list[Row]:
    with SeaweedFS(folder) as seaweedfs, Azurite(folder) as azurite:
        names = [name for shape in extent.shapes for name in destination_names(shape.identifier, extent.repeats)]
        return measure(prepare(folder, seaweedfs, azurite, names), extent.shapes, extent.repeats, say)


def _left_out() -> Row:
    return Row("one small bag through Airflow", None, "s", note="left out of the quick run: Airflow starts too slowly")


if __name__ == "__main__":
    main(*sys.argv[1:2])
