"""Sizes that were chosen, measured: blocks, ranges of reading back, and up to where a file goes in one request.

``python benchmarks/thresholds.py [PART…]``, by hand; parts are ``blocks``, ``ranges`` and ``border``, a minute each.
What a run takes goes into ``results/thresholds.json``, where the least of all runs counts: remove the file to begin
anew. Draws the picture of ``docs/decisions/0036-sizes-of-blocks-and-ranges.md``.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from data_plane import BagRuns, put_bag, start_cost
from measured import Usage
from places import Places, prepare
from sample_bags import GIB, MIB, Shape

from bagfill.demo.azurite import Azurite
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.server import project_folder
from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

RESULTS = Path(__file__).parent / "results" / "thresholds.json"
PICTURE = project_folder() / "docs" / "images" / "thresholds.svg"
LARGE = Shape("large", "1 × 512 MiB", ((1, 512 * MIB),))
BLOCKS = (5, 8, 16, 32, 64)
RANGES = (4, 16, 64, 512)
AT_BORDER = tuple(Shape(f"border-{size}", f"{size} MiB", ((256 // size, size * MIB),)) for size in (2, 4, 8, 16))
PARTS = ("blocks", "ranges", "border")
WAYS = {"one request": 64, "blocks": 1}
"""The border (``small_object_bytes``, MiB) that sends every file of a bag this way."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One size, measured.

    Args:
        what: ``block``, ``range``, or the way past the border.
        mib: the size.
        cpu: processor seconds for each GiB, the start of the process taken off.
        per_object: milliseconds for each object.
        peak_mib: highest memory.
    """

    what: str
    mib: int
    cpu: float
    per_object: float
    peak_mib: float


def main(*chosen: str) -> None:
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"found {', '.join(unknown)}, allowed are {', '.join(PARTS)}")
    begun = time.monotonic()
    folder = project_folder() / ".bagfill" / "thresholds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        with SeaweedFS(folder) as seaweedfs, Azurite(folder) as azurite:
            names = [f"t-{number:03d}" for number in range(1 + len(BLOCKS) + len(AT_BORDER) * len(WAYS))]
            places = prepare(folder, seaweedfs, azurite, names)
            taken = list(_measured(places, iter(names), chosen or PARTS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    runs = least([*(Taken(**values) for values in before), *taken])
    RESULTS.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    found = figures(runs)
    for each in found:
        print(f"{each.what:12} {each.mib:4} MiB  {each.cpu:6.2f} s/GiB  {each.per_object:7.2f} ms/object")
    if {each.what for each in found} >= {"block", "range", *WAYS}:
        PICTURE.write_text(picture(found))
    print(f"{time.monotonic() - begun:.0f} s")


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of one process.

    Args:
        what, mib: as of a figure; ``start`` for a process that only starts.
        cpu: processor seconds of all of it.
        peak_mib: highest memory.
        objects, size: how many and how many bytes were moved.
    """

    what: str
    mib: int
    cpu: float
    peak_mib: float
    objects: int
    size: int


def _measured(places: Places, names: Iterator[str], parts: Sequence[str]) -> Iterator[Taken]:
    """One run of each size."""
    environ = places.environment
    with open_services(load_settings(places.settings, environ), EnvironmentCredentials(environ)) as services:

        def bag_of(shape: Shape) -> BagRuns:
            return BagRuns(places, services, shape, put_bag(services, shape), lambda _: None)

        yield Taken("start", 0, start_cost(places, 3), 0.0, 1, 0)
        large = bag_of(LARGE) if {"blocks", "ranges"} & set(parts) else None
        if large is not None and "blocks" in parts:
            for mib in BLOCKS:
                limited = _limited(places, f"block-{mib}", block_bytes=mib)
                yield _taken("block", mib, replace(large, places=limited).copied(next(names)), LARGE)
        if large is not None and "ranges" in parts:
            there = next(names)
            large.copied(there)
            folder = services.locations[there].version_prefix(large.bag.id) + "data/"
            for mib in RANGES:
                script = str(Path(__file__).with_name("range_task.py"))
                command = (sys.executable, script, str(places.settings), there, folder, str(mib * MIB))
                yield _taken("range", mib, places.run(command, environ), LARGE)
        for shape in AT_BORDER if "border" in parts else ():
            bag = bag_of(shape)
            for way, border in WAYS.items():
                limited = _limited(places, f"border-{border}", small_object_bytes=border)
                used = replace(bag, places=limited).copied(next(names))
                yield _taken(way, shape.parts[0][1] // MIB, used, shape)


def _limited(places: Places, name: str, **mib: int) -> Places:
    """The same places with limits of their own."""
    file = places.settings.with_name(f"{name}.toml")
    limits = "".join(f'{key} = "{value} MiB"\n' for key, value in mib.items())
    file.write_text(f"{places.settings.read_text()}\n[limits]\n{limits}")
    return replace(places, settings=file)


def _taken(what: str, mib: int, used: Usage, shape: Shape) -> Taken:
    ((count, size),) = shape.parts
    return Taken(what, mib, used.cpu, used.peak_bytes / MIB, count, count * size)


def least(runs: Iterable[Taken]) -> list[Taken]:
    """Of each size the least of all runs: other work on the machine only ever adds."""
    best: dict[tuple[str, int], Taken] = {}
    for run in runs:
        key = (run.what, run.mib)
        best[key] = min((best.get(key, run), run), key=lambda each: each.cpu)
    return sorted(best.values(), key=lambda run: (run.what, run.mib))


def figures(runs: Sequence[Taken]) -> list[Figure]:
    """What the runs took beyond the start of a process."""
    start = next(run.cpu for run in runs if run.what == "start")
    return [
        Figure(
            run.what,
            run.mib,
            (run.cpu - start) * GIB / run.size,
            (run.cpu - start) * 1000 / run.objects,
            run.peak_mib,
        )
        for run in runs
        if run.what != "start"
    ]


def picture(found: Sequence[Figure]) -> str:
    """Two plots as an SVG: what a GiB costs by the size of blocks and ranges, and what a file costs either way."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure as Drawing

    with mpl.rc_context({"svg.hashsalt": "bagfill", "svg.fonttype": "none", "font.family": "sans-serif"}):
        drawing = Drawing(figsize=(9, 3.4), layout="constrained")
        left, right = drawing.subplots(1, 2)
        _lines(left, found, {"block": "copy, by size of blocks", "range": "read back, by size of ranges"}, "cpu")
        _lines(right, found, {way: f"in {way}" for way in WAYS}, "per_object")
        left.set_ylabel("CPU s/GiB")
        right.set_ylabel("CPU ms a file")
        left.set_xlabel("MiB")
        right.set_xlabel("size of the file, MiB")
        text = StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _lines(axes: Any, found: Sequence[Figure], labels: dict[str, str], value: str) -> None:
    sizes: set[int] = set()
    for what, label in labels.items():
        points = [(each.mib, getattr(each, value)) for each in found if each.what == what]
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
        sizes |= {mib for mib, _ in points}
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(sizes), [str(size) for size in sorted(sizes)])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)


if __name__ == "__main__":
    main(*sys.argv[1:])
