"""Cutting a bag version into shards: nothing twice, nothing left out, no shard beyond its size."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.checksum.digest import DigestSet
from bagfill.planning.limits import MIB, Limits
from bagfill.planning.shards import CopyItem, Cut, PlannedFile, block_bytes_for, cut_for

GIB = 1024 * MIB
TIB = 1024 * GIB


def planned(path: str, size: int, limits: Limits, *, at_destination: bool = False) -> PlannedFile:
    return PlannedFile(path, size, "etag", False, at_destination, DigestSet(), block_bytes_for(size, limits))


all_limits = st.builds(
    Limits,
    shard_bytes=st.integers(1, 20 * MIB),
    shard_files=st.integers(1, 10),
    max_shards=st.integers(1, 40),
    small_object_bytes=st.integers(0, 3 * MIB),
    block_bytes=st.integers(1, 4).map(lambda mib: mib * MIB),
)
sizes = st.lists(st.tuples(st.integers(0, 40 * MIB), st.booleans()), max_size=40)


@dataclass(frozen=True)
class Sides:
    cut: Cut
    copy: list[list[CopyItem]]
    verify: list[list[PlannedFile]]


def cut(files: list[PlannedFile], limits: Limits) -> Sides:
    made = cut_for(lambda: ((file.size, file.cut_bytes) for file in files), limits)
    copy = packed(made, [(item, item.size) for file in files for item in made.items(file)])
    return Sides(made, copy, packed(made, [(file, file.size) for file in files]))


def packed(made: Cut, items: list[tuple[Any, int]]) -> list[list[Any]]:
    packer = made.packer()
    full = [shard for item, size in items if (shard := packer.add(item, size)) is not None]
    return [*full, packer.open] if packer.open else full


@settings(deadline=None)
@given(sizes, all_limits)
def test_every_file_or_every_block_of_it_is_in_exactly_one_copy_shard(
    drawn: list[tuple[int, bool]], limits: Limits
) -> None:
    files = [planned(f"data/{n}", size, limits, at_destination=there) for n, (size, there) in enumerate(drawn)]

    shards = cut(files, limits)

    seen: Counter[tuple[str, int]] = Counter()
    for item in (item for shard in shards.copy for item in shard):
        blocks = range(item.first, item.last) if item.is_range else range(max(1, item.file.blocks))
        seen.update((item.file.path, block) for block in blocks)
    assert seen == {(file.path, block): 1 for file in files for block in range(max(1, file.blocks))}


@settings(deadline=None)
@given(sizes, all_limits)
def test_every_file_is_in_exactly_one_verify_shard_in_the_order_of_the_plan(
    drawn: list[tuple[int, bool]], limits: Limits
) -> None:
    files = [planned(f"data/{n}", size, limits) for n, (size, _) in enumerate(drawn)]
    assert [file for shard in cut(files, limits).verify for file in shard] == files


@settings(deadline=None)
@given(sizes, all_limits)
def test_no_more_shards_than_allowed_and_none_is_empty(drawn: list[tuple[int, bool]], limits: Limits) -> None:
    files = [planned(f"data/{n}", size, limits) for n, (size, _) in enumerate(drawn)]
    shards = cut(files, limits)
    assert (len(shards.copy), len(shards.verify)) == (shards.cut.copy_shards, shards.cut.verify_shards)
    for side in (shards.copy, shards.verify):
        assert len(side) <= limits.max_shards
        assert all(side)


@settings(deadline=None)
@given(sizes, all_limits)
def test_a_shard_is_closed_by_bytes_and_by_count_where_the_count_of_shards_allows_it(
    drawn: list[tuple[int, bool]], limits: Limits
) -> None:
    roomy = Limits(
        shard_bytes=limits.shard_bytes,
        shard_files=limits.shard_files,
        max_shards=1_000_000,
        small_object_bytes=limits.small_object_bytes,
        block_bytes=limits.block_bytes,
    )
    files = [planned(f"data/{n}", size, roomy) for n, (size, _) in enumerate(drawn)]
    for shard in cut(files, roomy).copy:
        assert len(shard) <= roomy.shard_files
        # One item alone may be larger: a block, or a file that goes in one request.
        assert len(shard) == 1 or sum(item.size for item in shard) <= roomy.shard_bytes


@settings(deadline=None)
@given(sizes, all_limits)
def test_the_sizes_of_the_items_add_up_to_the_bag(drawn: list[tuple[int, bool]], limits: Limits) -> None:
    files = [planned(f"data/{n}", size, limits, at_destination=there) for n, (size, there) in enumerate(drawn)]
    items = [item for shard in cut(files, limits).copy for item in shard]
    assert sum(item.size for item in items) == sum(file.size for file in files)


def test_what_is_at_the_destination_already_is_one_item_however_large() -> None:
    limits = Limits(shard_bytes=MIB, small_object_bytes=0, block_bytes=MIB)
    shards = cut([planned("data/x", 10 * MIB, limits, at_destination=True)], limits)
    assert [[(item.first, item.last) for item in shard] for shard in shards.copy] == [[(0, 0)]]


@pytest.mark.parametrize("size", [8 * MIB + 1, 100 * MIB, 140 * GIB, 150 * GIB, 5 * TIB])
def test_no_provider_s_count_of_blocks_is_passed(size: int) -> None:
    block = block_bytes_for(size, Limits())
    assert block % MIB == 0
    assert block >= 16 * MIB
    # S3 takes 10,000 parts of at most 5 GiB, Azure 50,000 blocks of at most 4,000 MiB.
    assert -(-size // block) <= 10_000
    assert block <= 4000 * MIB


@pytest.mark.parametrize("size", [0, 1, 8 * MIB])
def test_a_small_object_is_written_in_one_request(size: int) -> None:
    assert block_bytes_for(size, Limits()) == 0


def test_no_files_make_no_shards() -> None:
    shards = cut([], Limits())
    assert shards.copy == []
    assert shards.verify == []


@given(all_limits, st.integers(0, 40 * MIB), st.integers(0, 5), st.integers(0, 5))
def test_items_survive_the_work_area(limits: Limits, size: int, first: int, last: int) -> None:
    item = CopyItem(planned('data/ü "x"\n', size, limits), first, last)
    assert CopyItem.from_json(json.loads(json.dumps(item.to_json()))) == item
