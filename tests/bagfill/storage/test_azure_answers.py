"""What Azurite does not give: a rehydrate that takes time, and how uncommitted blocks are told apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_blocks import block_id, fetched_block_id, recognised
from bagfill.storage.azure_sdk import AzureSdk
from bagfill.storage.azure_state import archive_state
from bagfill.storage.memory import MemoryStore
from bagfill.storage.store import ArchiveState, StagedBlock, ThawAnswer, ThawTier

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


class PendingBlob:
    """The SDK's client of one blob whose rehydrate is pending: what Azurite never shows."""

    def __init__(self, priority: str | None) -> None:
        self.priority = priority
        self.asked: list[tuple[str, str]] = []

    def get_blob_client(self, _: str) -> PendingBlob:
        return self

    def get_blob_properties(self) -> Any:
        return SimpleNamespace(
            blob_tier="Archive",
            archive_status="rehydrate-pending-to-cool",
            rehydrate_priority=self.priority,
            size=1,
            etag='"e"',
            last_modified=None,
            version_id=None,
            content_settings=SimpleNamespace(content_md5=None),
            metadata={},
        )

    def set_standard_blob_tier(self, tier: str, *, rehydrate_priority: Any) -> None:
        self.asked.append((tier, rehydrate_priority.value))


@pytest.mark.parametrize(
    ("pending", "tier", "answer", "asked"),
    [
        ("Standard", ThawTier.STANDARD, ThawAnswer.ALREADY_IN_PROGRESS, []),
        ("Standard", ThawTier.BULK, ThawAnswer.ALREADY_IN_PROGRESS, []),
        ("Standard", ThawTier.EXPEDITED, ThawAnswer.REQUESTED, [("Cool", "High")]),
        (None, ThawTier.EXPEDITED, ThawAnswer.REQUESTED, [("Cool", "High")]),
        ("High", ThawTier.EXPEDITED, ThawAnswer.ALREADY_IN_PROGRESS, []),
        ("High", ThawTier.STANDARD, ThawAnswer.ALREADY_IN_PROGRESS, []),
    ],
)
def test_a_pending_rehydrate_is_moved_to_high_priority_and_never_back(
    pending: str | None, tier: ThawTier, answer: ThawAnswer, asked: list[tuple[str, str]]
) -> None:
    blob = PendingBlob(pending)
    sdk = AzureSdk(cast("Any", blob), MemoryStore(location="azure"), thaw_to="Cool")
    assert sdk.request_thaw("a", tier=tier) is answer
    assert blob.asked == asked
