"""What Azurite does not give: a rehydrate that takes time, and how uncommitted blocks are told apart."""

from __future__ import annotations

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_blocks import block_id, fetched_block_id, recognised
from bagfill.storage.azure_state import archive_state
from bagfill.storage.store import ArchiveState, StagedBlock

A, B = Crc64(1, 8), Crc64(2**64 - 1, 7)
TOKEN = "0123abcd"


@pytest.mark.parametrize(
    ("tier", "status", "expected"),
    [
        ("Hot", "", ArchiveState.READABLE),
        ("Cool", "", ArchiveState.READABLE),
        ("Cold", "", ArchiveState.READABLE),
        ("", "", ArchiveState.READABLE),
        ("Archive", "", ArchiveState.ARCHIVED),
        ("Archive", "rehydrate-pending-to-hot", ArchiveState.THAWING),
        ("Archive", "rehydrate-pending-to-cool", ArchiveState.THAWING),
    ],
)
def test_a_pending_rehydrate_is_thawing(tier: str, status: str, expected: ArchiveState) -> None:
    assert archive_state(tier, status) is expected


def test_block_ids_have_one_length_and_fit() -> None:
    assert {len(block_id(index, TOKEN, A)) for index in (0, 9, 49_999)} == {32}
    assert len(fetched_block_id(7, TOKEN, "0" * 16)) == 32


def test_our_blocks_are_recognised_and_others_left_out() -> None:
    first, second = block_id(0, TOKEN, A), block_id(1, TOKEN, B)
    blocks = [(second, 7), ("00001", 5), (first, 8), (first + "x", 9), (block_id(2, "0ther000", A), 8)]
    assert recognised(blocks, TOKEN) == {0: StagedBlock(0, 8, A), 1: StagedBlock(1, 7, B)}


def test_blocks_of_an_earlier_staged_write_of_the_same_name_are_left_out() -> None:
    assert recognised([(block_id(0, "00000000", A), 8)], TOKEN) == {}


def test_a_block_with_two_contents_has_no_known_crc() -> None:
    first, other = (block_id(0, TOKEN, A), 8), (block_id(0, TOKEN, B), 8)
    assert recognised([first, other], TOKEN) == {0: StagedBlock(0, 8, None)}
    assert recognised([first, first], TOKEN) == {0: StagedBlock(0, 8, A)}
