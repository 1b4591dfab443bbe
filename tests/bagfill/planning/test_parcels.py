"""Packing: every bag once, in order, and no parcel beyond its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.limits import Limits
from bagfill.planning.parcels import Parcel, fits_a_parcel, pack

LIMITS = Limits(parcel_bytes=1000, parcel_files=40, parcel_bags=5, versions_per_run=3)


@dataclass(frozen=True)
class Bag:
    name: str
    bytes: int = 10
    files: int = 1
    versions: int = 1
    destination: str = "azure"
    own_run: bool = False


def parcels(works: Iterable[Bag], limits: Limits = LIMITS) -> list[Parcel[Bag]]:
    return [each for each in pack(works, limits) if isinstance(each, Parcel)]


def alone(works: Iterable[Bag], limits: Limits = LIMITS) -> list[Bag]:
    return [each for each in pack(works, limits) if not isinstance(each, Parcel)]


def test_small_bags_share_a_parcel_until_it_is_full() -> None:
    bags = [Bag(str(number)) for number in range(12)]
    assert [len(parcel.bags) for parcel in parcels(bags)] == [5, 5, 2]


def test_a_parcel_is_closed_by_bytes_and_by_files_as_well() -> None:
    assert [len(p.bags) for p in parcels([Bag(str(n), bytes=250) for n in range(5)])] == [4, 1]
    assert [len(p.bags) for p in parcels([Bag(str(n), files=10) for n in range(5)])] == [4, 1]


def test_a_bag_that_would_fill_more_than_a_quarter_has_a_run_of_its_own() -> None:
    large = [
        Bag("bytes", bytes=251),
        Bag("files", files=11),
        Bag("versions", versions=4),
        Bag("archived", own_run=True),
    ]
    assert alone(large) == large
    assert parcels(large) == []


def test_a_bag_of_its_own_waits_for_no_parcel() -> None:
    large, small = Bag("large", bytes=900), Bag("small")
    assert list(pack([small, large], LIMITS)) == [large, Parcel((small,))]


def test_no_bag_fits_when_parcels_are_switched_off() -> None:
    bags = [Bag("1"), Bag("2")]
    assert list(pack(bags, replace(LIMITS, parcel_bags=0))) == bags


def test_destinations_do_not_mix() -> None:
    bags = [Bag(str(number), destination="azure" if number % 2 else "second") for number in range(4)]
    packed = parcels(bags)
    assert [parcel.destination for parcel in packed] == ["second", "azure"]
    assert all(len({bag.destination for bag in parcel.bags}) == 1 for parcel in packed)


def test_packing_takes_no_more_than_it_needs() -> None:
    taken = []

    def endless() -> Iterable[Bag]:
        for number in range(10**9):
            taken.append(number)
            yield Bag(str(number))

    assert isinstance(next(iter(pack(endless(), LIMITS))), Parcel)
    assert len(taken) == LIMITS.parcel_bags + 1


works = st.lists(
    st.builds(
        Bag,
        name=st.uuids().map(str),
        bytes=st.integers(0, 1500),
        files=st.integers(0, 60),
        versions=st.integers(1, 4),
        destination=st.sampled_from(["azure", "second", "third"]),
        own_run=st.booleans(),
    ),
    max_size=80,
)


@given(works)
def test_every_bag_is_packed_once_in_order_and_within_the_limits(bags: list[Bag]) -> None:
    packed = parcels(bags)
    assert alone(bags) == [bag for bag in bags if not fits_a_parcel(bag, LIMITS)]
    for destination in {bag.destination for bag in bags}:
        inside = [bag for parcel in packed if parcel.destination == destination for bag in parcel.bags]
        assert inside == [bag for bag in bags if bag.destination == destination and fits_a_parcel(bag, LIMITS)]
    for parcel in packed:
        assert 1 <= len(parcel.bags) <= LIMITS.parcel_bags
        assert parcel.bytes <= LIMITS.parcel_bytes
        assert parcel.files <= LIMITS.parcel_files
