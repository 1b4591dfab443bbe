"""What acts cost by the tables that come with Bagfill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bagfill.checksum.digest import DigestSet
from bagfill.planning.costs import Pair
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.settings.prices import find_price_table
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.priced_acts import PricedActs
from bagfill.steps.thaw_permits import ThawChunk
from bagfill.storage.store import ThawTier

FOLDER = Path(__file__).parents[3] / "include" / "config" / "prices"
AWS, AZURE = (find_price_table(name, FOLDER) for name in ("aws-us-east-1", "azure-eastus2"))
REF = IngestRef("i1", "digitised/b1/v1", "primary", "azure", 1, "Standard", 3, "azure-2026")
GIB = 2**30


def item(size: int, *, block: int = 0, last: int = 0) -> CopyItem:
    return CopyItem(PlannedFile("data/a", size, "e", False, False, DigestSet(), block), 0, last)


def chunk(objects: int, size: int, *, extension: bool = False) -> ThawChunk:
    return ThawChunk("c1", REF, "primary", "GLACIER", ThawTier.STANDARD, 3, objects, size, extension)


@pytest.fixture
def acts() -> PricedActs:
    return PricedActs(
        lambda source, destination: Pair(AWS, AZURE, source, destination, verifies_at_destination=True), 2 * GIB
    )


def test_parts_of_a_thaw_add_up_to_the_whole_however_small_they_are(acts: PricedActs) -> None:
    whole = acts.of_thaw(chunk(1000, 1000 * 4096), 1000, 1000 * 4096)
    part = acts.of_thaw(chunk(1, 4096), 1, 4096)
    assert whole.unknown == part.unknown == ()
    assert part.spend.money > 0
    assert part.spend.money * 1000 >= whole.spend.money > Decimal("0.05")
    assert (whole.spend.requests, whole.spend.bytes) == (1000, 0)


def test_prolonging_copies_pays_no_retrieval(acts: PricedActs) -> None:
    first = acts.of_thaw(chunk(1, GIB), 1, GIB).spend.money
    again = acts.of_thaw(chunk(1, GIB, extension=True), 1, GIB).spend.money
    assert first - again == Decimal("0.01")


def test_what_was_not_accepted_costs_nothing(acts: PricedActs) -> None:
    assert acts.of_thaw(chunk(9, GIB), 0, 0).spend.money == 0
    assert acts.of_copy(REF, []).spend.money == 0


def test_a_copy_pays_the_dearest_band_of_the_transfer_out_and_counts_its_bytes_once(acts: PricedActs) -> None:
    cost = acts.of_copy(REF, [item(GIB)])
    assert cost.currency == "USD"
    assert cost.unknown == ()
    assert cost.spend.bytes == GIB
    assert Decimal("0.09") <= cost.spend.money < Decimal("0.15")
    assert cost.spend.requests == 3


def test_a_file_that_several_tasks_stage_leaves_the_source_twice_if_it_is_hashed_first(
    acts: PricedActs,
) -> None:
    once = acts.of_copy(REF, [item(GIB, block=GIB // 4)])
    twice = acts.of_copy(REF, [item(GIB, block=GIB // 4, last=4)])
    assert twice.spend.money > once.spend.money
    assert twice.spend.bytes == once.spend.bytes == GIB
    larger = item(3 * GIB, block=GIB // 4, last=12)
    assert acts.of_copy(REF, [larger]).spend.money == acts.of_copy(REF, [replace(larger, last=0)]).spend.money


def test_a_location_without_a_table_is_named() -> None:
    acts = PricedActs(lambda source, destination: Pair(None, AZURE, source, destination), 0)
    assert "primary: no price table" in acts.of_copy(REF, [item(1)]).unknown


def test_two_currencies_are_never_added() -> None:
    euros = replace(AZURE, currency="EUR")
    acts = PricedActs(lambda source, destination: Pair(AWS, euros, source, destination), 0)
    assert any("one currency for" in name for name in acts.of_copy(REF, [item(GIB)]).unknown)
