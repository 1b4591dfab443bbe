"""``make bench``: what moving and proving costs, beside what people use instead; writes ``results/latest.json``.

``python benchmarks/run.py [full|quick]``. Quick uses smaller bags, one round, fewer peers and no Airflow, and ends
within a minute: its figures are rough, since the start of a program weighs more in them.
"""

from __future__ import annotations

import compileall
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import sample_bags
import validation
from airflow_bag import airflow_rows
from data_plane import WrongResult
from every_bag import containers, measure
from measured import ProgramFailed
from parcel_rows import parcel_rows
from places import prepare
from requests_per_object import count_requests, counted_containers
from rows import RESULTS, Row, print_table, write_json
from sample_bags import Shape
from versions import versions

from bagfill.demo.azurite import Azurite
from bagfill.demo.programs import StartFailed
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.server import NotInstalled, project_folder


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    shapes: tuple[Shape, ...]
    folders: tuple[validation.Folder, ...]
    repeats: int
    counted: tuple[Shape, ...]
    with_airflow: bool


EXTENTS = {
    "full": Extent(sample_bags.FULL, validation.FULL, repeats=3, counted=sample_bags.QUICK[:3], with_airflow=True),
    "quick": Extent(sample_bags.QUICK, validation.QUICK, repeats=1, counted=(), with_airflow=False),
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
    # As after an installation; else the first program of ours to run would pay for all.
    compileall.compile_dir(project_folder() / "include", quiet=1)
    try:
        rows = _moved(extent, folder, say)
        rows += validation.validation_rows(extent.folders, extent.repeats, say)
        rows += _through_airflow(folder, say) if extent.with_airflow else [_left_out()]
    except (NotInstalled, ProgramFailed, StartFailed, WrongResult) as error:
        sys.exit(f"no figures: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if which == "quick":
        rows = [replace(row, note=row.note or "quick run: smaller than in the full one") for row in rows]
    write_json(rows, versions(which, extent.repeats))
    print_table(rows, f"{which}: medians of {extent.repeats}; lower is better")
    say(f"written to {RESULTS}")


def _moved(extent: Extent, folder: Path, say: Callable[[str], None]) -> list[Row]:
    with SeaweedFS(folder) as seaweedfs, Azurite(folder) as azurite:
        places = prepare(folder, seaweedfs, azurite, containers(extent.shapes, extent.repeats))
        rows = measure(places, extent.shapes, extent.repeats, say, brief=not extent.with_airflow)
    if extent.counted:
        apart = folder / "counted"
        apart.mkdir()
        with SeaweedFS(apart) as seaweedfs, Azurite(apart) as azurite:
            places = prepare(apart, seaweedfs, azurite, counted_containers(extent.counted))
            rows += count_requests(places, extent.counted, say)
    return rows


def _through_airflow(folder: Path, say: Callable[[str], None]) -> list[Row]:
    return [*parcel_rows(folder / "parcels", say), *airflow_rows(folder / "airflow", say)]


def _left_out() -> Row:
    return Row("small_bag_parcel", None, "CPU s/bag", note="left out of the quick run: Airflow starts too slowly")


if __name__ == "__main__":
    main(*sys.argv[1:2])
