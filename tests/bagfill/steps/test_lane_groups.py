"""Which files are hashed side by side: never dearer than one by one, by the costs that are reckoned with."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.side_by_side import Cost
from bagfill.steps.lane_groups import WINDOW, choose, windows
from lane_doubles import COSTS, HashlibLanes

LANES = HashlibLanes(8)
SHA512 = (Algorithm.SHA512,)
MIB = 1024 * 1024


class File(NamedTuple):
    name: int
    size: int


def files(*sizes: int) -> list[File]:
    return [File(number, size) for number, size in enumerate(sizes)]


def longest_lane(group: list[File]) -> int:
    """As the lanes are filled: who is free takes the next."""
    lanes = [0] * LANES.width
    for file in group:
        lanes[lanes.index(min(lanes))] += file.size
    return max(lanes)


@given(sizes=st.lists(st.integers(1, 2**40), max_size=80), threads=st.integers(1, 4))
def test_every_file_is_read_once_and_no_choice_is_dearer_than_one_by_one(sizes: list[int], threads: int) -> None:
    window = files(*sizes)
    groups, singles = choose(window, LANES, SHA512, threads=threads)
    assert sorted([file for group in groups for file in group] + singles) == window
    cost: Cost = COSTS[Algorithm.SHA512]
    taken = cost.alone * sum(file.size for file in singles) + cost.all_lanes * sum(map(longest_lane, groups))
    assert taken <= cost.alone * sum(sizes) * (1 + 1e-9)
    for group in groups:
        assert cost.all_lanes * longest_lane(group) <= 0.81 * cost.alone * sum(file.size for file in group)


def test_as_many_equal_files_as_lanes_are_one_group_whatever_the_threads() -> None:
    window = files(*[MIB] * 8)
    assert choose(window, LANES, SHA512, threads=4) == ([window], [])


def test_threads_share_files_when_each_can_fill_its_lanes() -> None:
    groups, singles = choose(files(*[MIB] * 40), LANES, SHA512, threads=2)
    assert [len(group) for group in groups] == [20, 20]
    assert singles == []


def test_a_file_that_would_go_on_alone_for_long_is_read_by_itself() -> None:
    groups, singles = choose(files(*[MIB] * 20, 1000 * MIB), LANES, SHA512, threads=1)
    assert [file.size for file in singles] == [1000 * MIB]
    assert [len(group) for group in groups] == [20]


def test_a_long_file_that_ends_with_the_others_is_read_beside_them() -> None:
    groups, singles = choose(files(*[MIB] * 100, 12 * MIB), LANES, SHA512, threads=1)
    assert singles == []
    assert groups[0][0].size == 12 * MIB


def test_four_files_fill_enough_of_eight_lanes() -> None:
    window = files(*[MIB] * 4)
    assert choose(window, LANES, SHA512, threads=2) == ([window], [])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_files_are_read_one_by_one(count: int) -> None:
    groups, singles = choose(files(*[MIB] * count), LANES, SHA512, threads=2)
    assert groups == []
    assert len(singles) == count


def test_algorithms_that_the_lanes_do_not_have_make_no_group() -> None:
    groups, singles = choose(files(*[MIB] * 8), LANES, (Algorithm.SHA1,), threads=1)
    assert groups == []
    assert len(singles) == 8


def test_no_more_files_are_held_than_a_window_has() -> None:
    endless = iter(range(10**12))
    assert next(windows(File(number, 1) for number in endless)) == files(*[1] * WINDOW)
    assert next(endless) == WINDOW
