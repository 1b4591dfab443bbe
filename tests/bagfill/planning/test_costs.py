"""The bill, line by line, against arithmetic that was done elsewhere."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import CostLine, Pair, cost_lines, tier_for, totals
from bagfill.planning.prices import Band, Price
from bagfill.settings.prices import SHIPPED, load_price_table
from bagfill.storage.store import ThawTier

AWS = load_price_table(SHIPPED / "aws-us-east-1.toml")
AZURE = load_price_table(SHIPPED / "azure-eastus2.toml")
GB = 2**30
ARCHIVED = ClassKey("GLACIER", archived=True)
TO_AZURE = Pair(AWS, AZURE, "primary", "azure")


def money(lines: tuple[CostLine, ...]) -> dict[str, Decimal | None]:
    return {line.code: line.money for line in lines}


def test_the_published_example_of_aws_comes_out_to_the_cent() -> None:
    """15,000,000 objects, 100 TB (102,400 GB), Flexible Retrieval.

    https://repost.aws/knowledge-center/s3-manage-data-retrieval
    """
    classes = {ARCHIVED: Amount(15_000_000, 102_400 * GB, 15_000_000)}
    standard = money(cost_lines(classes, TO_AZURE, ThawTier.STANDARD, 7))
    assert (standard["thaw-requests"], standard["thaw-retrieval"]) == (Decimal("750.00"), Decimal("1024.00"))
    expedited = money(cost_lines(classes, TO_AZURE, ThawTier.EXPEDITED, 7))
    assert (expedited["thaw-requests"], expedited["thaw-retrieval"]) == (Decimal("150000.00"), Decimal("3072.00"))


def test_transfer_out_falls_with_the_amount() -> None:
    """0 for 100 GB, 0.09 to 10 TB, 0.085 to 50 TB, 0.07 to 150 TB, 0.05 beyond."""
    for terabytes, expected in ((50, "4394.20"), (100, "7978.20"), (1024, "56311.00")):
        classes = {ClassKey("STANDARD", archived=False): Amount(1, terabytes * 1024 * GB, 1)}
        assert money(cost_lines(classes, TO_AZURE, ThawTier.STANDARD, 7))["transfer-out"] == Decimal(expected)


def test_a_month_begins_with_the_first_band_again() -> None:
    classes = {ClassKey("STANDARD", archived=False): Amount(1, 100 * GB, 1)}
    assert money(cost_lines(classes, TO_AZURE, ThawTier.STANDARD, 7, months=2))["transfer-out"] == Decimal(0)
    classes = {ClassKey("STANDARD", archived=False): Amount(1, 20_480 * GB, 1)}
    twice = 2 * Decimal(10_140) * Decimal("0.09")
    assert money(cost_lines(classes, TO_AZURE, ThawTier.STANDARD, 7, months=2))["transfer-out"] == twice


def test_thawed_copies_are_paid_beside_the_archived_objects_for_their_days() -> None:
    classes = {ARCHIVED: Amount(1, 1000 * GB, 1)}
    for days, expected in ((30, "23.00"), (15, "11.50"), (7, "5.37")):
        found = money(cost_lines(classes, TO_AZURE, ThawTier.BULK, days))
        assert found["thaw-storage"] == Decimal(expected)
        assert found["thaw-requests"] == found["thaw-retrieval"] == 0


def test_what_stays_in_its_region_pays_no_transfer() -> None:
    inside = Pair(AWS, AWS, "primary", "second", verifies_at_destination=True)
    abroad = replace(inside, destination=replace(AWS, region="eu-west-1"))
    classes = {ClassKey("STANDARD", archived=False): Amount(1, 1000 * GB, 1)}
    assert money(cost_lines(classes, inside, ThawTier.STANDARD, 7))["transfer-out"] == 0
    assert money(cost_lines(classes, abroad, ThawTier.STANDARD, 7))["transfer-out"] == 20


def test_reading_back_is_free_of_transfer_where_the_workers_are() -> None:
    classes = {ClassKey("STANDARD", archived=False): Amount(1, 1000 * GB, 1)}
    elsewhere = money(cost_lines(classes, TO_AZURE, ThawTier.STANDARD, 7))
    there = money(cost_lines(classes, replace(TO_AZURE, verifies_at_destination=True), ThawTier.STANDARD, 7))
    assert elsewhere["read-back-transfer"] == Decimal("78.30")
    assert "read-back-transfer" not in there or there["read-back-transfer"] == 0


def test_a_missing_price_makes_its_line_unknown_and_is_named() -> None:
    bulk = ("thaw", "GLACIER", "Bulk")
    poor = replace(AWS, prices={key: price for key, price in AWS.prices.items() if key[:3] != bulk})
    lines = cost_lines({ARCHIVED: Amount(10, GB, 10)}, replace(TO_AZURE, source=poor), ThawTier.BULK, 7)
    assert money(lines)["thaw-retrieval"] is None
    found = totals(lines)
    assert found.unknown == ("aws-us-east-1: thaw.GLACIER.Bulk.request", "aws-us-east-1: thaw.GLACIER.Bulk.gb")
    assert found.single is None


def test_without_a_table_everything_there_is_unknown() -> None:
    lines = cost_lines({ARCHIVED: Amount(10, GB, 10)}, replace(TO_AZURE, destination=None), ThawTier.BULK, 7)
    assert totals(lines).unknown == ("azure: no price table",)
    assert money(lines)["destination-storage"] is None


def test_amounts_in_two_currencies_are_not_added() -> None:
    pounds = replace(AZURE, currency="GBP")
    lines = cost_lines({ARCHIVED: Amount(10, 1000 * GB, 10)}, replace(TO_AZURE, destination=pounds), ThawTier.BULK, 7)
    found = totals(lines)
    assert set(found.money) == {"USD", "GBP"}
    assert found.single is None


@pytest.mark.parametrize(
    ("storage_class", "wanted", "asked"),
    [
        ("GLACIER", ThawTier.EXPEDITED, ThawTier.EXPEDITED),
        ("DEEP_ARCHIVE", ThawTier.EXPEDITED, ThawTier.STANDARD),
        ("Archive", ThawTier.BULK, ThawTier.STANDARD),
    ],
)
def test_a_class_without_the_tier_takes_the_next_slower(storage_class: str, wanted: ThawTier, asked: ThawTier) -> None:
    assert tier_for(storage_class, wanted) is asked


amounts = st.integers(0, 10**9)


steps_of_a_price = st.lists(st.tuples(st.integers(1, 10**6), st.decimals(0, 10, places=4)), min_size=1, max_size=4)


@given(steps_of_a_price, amounts, amounts)
def test_parts_at_the_dearest_price_never_cost_less_than_the_whole(
    steps: list[tuple[int, Decimal]], one: int, other: int
) -> None:
    ends = [Decimal(sum(size for size, _ in steps[: count + 1])) for count in range(len(steps))]
    bands = [Band(price, end) for (_, price), end in zip(steps, ends, strict=True)]
    price = Price((*bands[:-1], Band(bands[-1].price)))
    assert price.of_dearest(one) + price.of_dearest(other) >= price.of(one + other)
    assert price.of(one + other) >= 0


def test_every_line_has_words_for_people() -> None:
    from bagfill.cli.plan_tables import LINE_WORDS

    lines = cost_lines({ARCHIVED: Amount(1, GB, 1)}, TO_AZURE, ThawTier.BULK, 7)
    assert {line.code for line in lines} == set(LINE_WORDS)


def test_the_shipped_tables_are_where_a_plan_looks(tmp_path: Path) -> None:
    assert {path.stem for path in SHIPPED.glob("*.toml")} >= {"aws-us-east-1", "azure-eastus2", "free"}
