"""Sizes that were chosen, measured: blocks, ranges of reading back, and up to where a file goes in one request.

``python benchmarks/thresholds.py [ROUNDS]``, by hand: about five minutes on a quiet machine. Writes
``results/thresholds.json`` and the picture of ``docs/decisions/0030-sizes-of-blocks-and-ranges.md``.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
RANGES = (4, 8, 16, 32, 64, 512)
AT_BORDER = tuple(Shape(f"border-{size}", f"{size} MiB", ((128 // size, size * MIB),)) for size in (2, 4, 8, 16))
WAYS = {"one request": 64, "blocks": 1}
"""The border (``small_object_bytes``, MiB) that sends every file of a bag this way."""

Say = Callable[[str], None]


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


def main(rounds: int = 3) -> None:
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {text}", flush=True)

    folder = project_folder() / ".bagfill" / "thresholds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        with SeaweedFS(folder) as seaweedfs, Azurite(folder) as azurite:
            names = [f"t-{number:03d}" for number in range(rounds * (len(BLOCKS) + len(AT_BORDER) * len(WAYS)))]
            places = prepare(folder, seaweedfs, azurite, names)
            found = least(_measured(places, iter(names), rounds, say))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    RESULTS.write_text(json.dumps([asdict(figure) for figure in found], indent=1) + "\n")
    PICTURE.write_text(picture(found))
    for figure in found:
        say(f"{figure.what:12} {figure.mib:4} MiB  {figure.cpu:6.2f} s/GiB  {figure.per_object:7.2f} ms/object")


def _measured(places: Places, names: Iterator[str], rounds: int, say: Say) -> Iterator[Figure]:
    """Every figure, in turns, so that a busy minute strikes all of them."""
    environ = places.environment
    with open_services(load_settings(places.settings, environ), EnvironmentCredentials(environ)) as services:
        bags = {
            shape: BagRuns(places, services, shape, put_bag(services, shape), lambda _: None)
            for shape in (LARGE, *AT_BORDER)
        }
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            start = start_cost(places, 1)
            last = ""
            for mib in BLOCKS:
                last = next(names)
                limited = _limited(places, f"block-{mib}", block_bytes=mib)
                used = replace(bags[LARGE], places=limited).copied(last)
                yield _figure("block", mib, used, start, LARGE)
            for mib in RANGES:
                script = str(Path(__file__).with_name("range_task.py"))
                prefix = services.locations[last].version_prefix(bags[LARGE].bag.id)
                command = (sys.executable, script, str(places.settings), last, f"{prefix}data/", str(mib * MIB))
                yield _figure("range", mib, places.run(command, environ), start, LARGE)
            for shape in AT_BORDER:
                for way, border in WAYS.items():
                    limited = _limited(places, f"border-{border}", small_object_bytes=border)
                    used = replace(bags[shape], places=limited).copied(next(names))
                    yield _figure(way, shape.parts[0][1] // MIB, used, start, shape)


def _limited(places: Places, name: str, **mib: int) -> Places:
    """The same places with limits of their own."""
    file = places.settings.with_name(f"{name}.toml")
    limits = "".join(f'{key} = "{value} MiB"\n' for key, value in mib.items())
    file.write_text(f"{places.settings.read_text()}\n[limits]\n{limits}")
    return replace(places, settings=file)


def _figure(what: str, mib: int, used: Usage, start: float, shape: Shape) -> Figure:
    ((count, size),) = shape.parts
    cpu = max(0.0, used.cpu - start)
    return Figure(what, mib, cpu / (count * size) * GIB, cpu / count * 1000, used.peak_bytes / MIB)


def least(figures: Iterator[Figure]) -> list[Figure]:
    """Of each size the least of all rounds: other work on the machine only ever adds."""
    best: dict[tuple[str, int], Figure] = {}
    for figure in figures:
        key = (figure.what, figure.mib)
        best[key] = min((figure, best.get(key, figure)), key=lambda each: each.cpu)
    return list(best.values())


def picture(figures: Sequence[Figure]) -> str:
    """Two plots as an SVG: what a GiB costs by the size of blocks and ranges, and what a file costs either way."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure as Drawing

    with mpl.rc_context({"svg.hashsalt": "bagfill", "svg.fonttype": "none", "font.family": "sans-serif"}):
        drawing = Drawing(figsize=(9, 3.4), layout="constrained")
        left, right = drawing.subplots(1, 2)
        _lines(left, figures, {"block": "copy, by size of blocks", "range": "read back, by size of ranges"}, "cpu")
        _lines(right, figures, {way: f"in {way}" for way in WAYS}, "per_object")
        left.set_ylabel("CPU s/GiB")
        right.set_ylabel("CPU ms a file")
        left.set_xlabel("MiB")
        right.set_xlabel("size of the file, MiB")
        text = StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _lines(axes: Any, figures: Sequence[Figure], labels: dict[str, str], value: str) -> None:
    sizes: set[int] = set()
    for what, label in labels.items():
        points = [(each.mib, getattr(each, value)) for each in figures if each.what == what]
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
        sizes |= {mib for mib, _ in points}
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(sizes), [str(size) for size in sorted(sizes)])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
