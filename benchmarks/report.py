"""The tables and the picture of ``docs/performance.md``, from the rows of a run; ``make docs`` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from peers import ALONE, CHECK, CHECKSUM, SDK, WORKER
from rows import Row, shown
from validation import PEER as BAGIT

HEADLINES = {
    "copy_verify_mid": "copy and prove",
    "copy_verify_small": "copy and prove",
    "copy_verify_big": "copy and prove",
    "copy_verify_mixed": "copy and prove",
    "server_copy": "server-to-server copy",
    "validate_local": "validate a folder",
    "task_peak_memory": "peak memory of a task",
    "small_bag_parcel": "a small bag in a parcel",
}
"""The rows that others rely on, in words."""

AIMS: Mapping[tuple[str, str], float] = {
    ("copy_verify_mid", CHECKSUM): 0.9,
    ("copy_verify_small", CHECKSUM): 0.6,
    ("copy_verify_big", CHECKSUM): 0.8,
    ("copy_verify_mid", CHECK): 0.9,
    ("copy_verify_small", CHECK): 0.5,
    ("copy_verify_big", CHECK): 0.8,
    ("server_copy", WORKER): 0.1,
    ("validate_local", BAGIT): 0.9,
    ("small_bag_parcel", ALONE): 0.2,
}
"""The ratios that we want to stay below."""

_COLOURS = {CHECKSUM: "#1b6ca8", CHECK: "#7fb2d9", SDK: "#b0b0b0"}
_OTHER = "#2a9d8f"
_LETTER = 0.013
"""Width of a letter of the picture, in ratios."""


def figures(rows: Sequence[Row], versions: Mapping[str, str]) -> str:
    """The part of the page that is written from the rows, as Markdown."""
    detail = [row for row in rows if row.name not in HEADLINES]
    setting = ", ".join(f"{name} {value}" for name, value in versions.items() if name not in {"extent", "runs"})
    return (
        f"Medians of {versions['runs']} ({versions['extent']} run): {setting}.\n\n"
        + _table(("", "bag", "ours", "unit", "peer", "its figure", "ratio", "aim"), map(_headline, _ordered(rows)))
        + "\n<details><summary>Every step, memory and requests</summary>\n\n"
        + _table(("row", "bag", "ours", "unit", "peer", "its figure", "ratio"), map(_cells, detail))
        + "\n</details>\n"
    )


def _ordered(rows: Sequence[Row]) -> list[Row]:
    return [row for name in HEADLINES for row in rows if row.name == name]


def _headline(row: Row) -> list[str]:
    aim = AIMS.get((row.name, row.peer_name or ""))
    return [f"**{HEADLINES[row.name]}** `{row.name}`", *_cells(row)[1:], "" if aim is None else f"≤ {aim}"]


def _cells(row: Row) -> list[str]:
    bag = f"{row.bag} ({row.note})" if row.bag and row.note else row.bag or row.note
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return [f"`{row.name}`", bag, shown(row.ours), row.unit, row.peer_name or "", shown(row.peer, ""), ratio]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def picture(rows: Sequence[Row]) -> str:
    """Ratios of the headline rows as an SVG: the same text for the same rows."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure

    measured = [row for row in _ordered(rows) if row.ratio is not None]
    labels = list(dict.fromkeys(f"{HEADLINES[row.name]}\n{row.bag}" for row in measured))
    with mpl.rc_context({"svg.hashsalt": "bagfill", "svg.fonttype": "none", "font.family": "sans-serif"}):
        drawing = Figure(figsize=(9, 0.75 * len(labels) + 1.6), layout="constrained")
        axes = drawing.add_subplot()
        for place, label in enumerate(labels):
            group = [row for row in measured if f"{HEADLINES[row.name]}\n{row.bag}" == label]
            _draw_group(axes, place, group)
        axes.axvline(1, color="#444444", linewidth=1)
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set_xlabel("ours ÷ peer; left of the line we need less")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
        named = {row.peer_name: _colour(row) for row in measured if row.peer_name in _COLOURS}
        handles = [axes.barh([0], [0], color=colour, label=name) for name, colour in named.items()]
        axes.plot([], [], marker="|", markersize=12, linestyle="none", color="#c1121f", label="aim")
        if handles:
            axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=2, frameon=False, fontsize=9)
        text = StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _draw_group(axes: Any, place: int, group: Sequence[Row]) -> None:
    height = min(0.27, 0.8 / len(group))
    for number, row in enumerate(group):
        at = place + height * (number - (len(group) - 1) / 2)
        ratio = row.ratio or 0.0
        axes.barh(at, ratio, height=height * 0.85, color=_colour(row))
        label = f" {ratio:.2f}" if row.peer_name in _COLOURS else f" {ratio:.2f} ({row.peer_name})"
        aim = AIMS.get((row.name, row.peer_name or ""))
        # The mark of the aim shall not go through the figures.
        covered = aim is not None and ratio <= aim < ratio + _LETTER * (len(label) + 1)
        axes.text((aim if covered else ratio) + 0.01, at, label, va="center", fontsize=9)
        if aim is not None:
            axes.plot([aim], [at], marker="|", markersize=12, color="#c1121f")


def _colour(row: Row) -> str:
    return _COLOURS.get(row.peer_name or "", _OTHER)
