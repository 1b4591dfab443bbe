"""Figures of sizes that were chosen."""

from __future__ import annotations

from sample_bags import GIB
from thresholds import WAYS, Figure, Taken, figures, least, picture


def taken(what: str, mib: int, cpu: float) -> Taken:
    return Taken(what, mib, cpu, 100.0, 4, GIB)


def test_of_each_size_the_least_of_all_rounds_counts() -> None:
    rounds = [taken("block", 8, 2.0), taken("block", 16, 1.5), taken("block", 8, 1.0), taken("block", 16, 1.6)]
    assert least(rounds) == [taken("block", 8, 1.0), taken("block", 16, 1.5)]


def test_the_start_of_a_process_is_taken_off() -> None:
    found = figures([taken("start", 0, 0.5), taken("block", 8, 2.5)])
    assert found == [Figure("block", 8, 2.0, 500.0, 100.0)]


def test_the_picture_is_the_same_for_the_same_figures_and_names_each_line() -> None:
    found = [Figure(what, mib, 1.0 / mib, 2.0 / mib, 100.0) for what in ("block", "range", *WAYS) for mib in (4, 8)]
    drawn = picture(found)
    assert drawn == picture(found)
    for text in ("by size of blocks", "by size of ranges", "in one request", "in blocks"):
        assert text in drawn
