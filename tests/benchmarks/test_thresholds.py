"""Figures of sizes that were chosen."""

from __future__ import annotations

from thresholds import WAYS, Figure, least, picture


def figure(what: str, mib: int, cpu: float) -> Figure:
    return Figure(what, mib, cpu, cpu * 2, 100.0)


def test_of_each_size_the_least_of_all_rounds_counts() -> None:
    rounds = [figure("block", 8, 2.0), figure("block", 16, 1.5), figure("block", 8, 1.0), figure("block", 16, 1.6)]
    assert least(iter(rounds)) == [figure("block", 8, 1.0), figure("block", 16, 1.5)]


def test_the_picture_is_the_same_for_the_same_figures_and_names_each_line() -> None:
    figures = [figure(what, mib, 1.0 / mib) for what in ("block", "range", *WAYS) for mib in (4, 8)]
    drawn = picture(figures)
    assert drawn == picture(figures)
    for text in ("by size of blocks", "by size of ranges", "in one request", "in blocks"):
        assert text in drawn
