"""Parcels: every bag as in a run of its own, whatever happens to its neighbours, the task or the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.planning.parcels import Parcel
from bagfill.registry.registry import Claim, ReplicaRecord
from bagfill.steps.backfill import backfill
from bagfill.steps.parcel_bag import BagEnd
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.run_parcel import ParcelEnded, close_parcels, run_parcel
from bagfill.steps.services import Services
from bagfill.steps.shipments import Shipment, ShipmentError, ShipmentRecords
from bagfill.steps.sweep import find_unbackfilled
from bagfill.storage.errors import StoreError
from bagfill.storage.faults import Fault, FaultKind, Killed
from invariants_drill import PARTS, Chaos, DatabaseDown, Drill, make_small_and_repeatable
from world import SMALL, World, bag_files

NAMES = ("digitised/a", "digitised/b", "digitised/c")
ONE_AT_A_TIME = replace(SMALL, bags_at_once=1)


def world_of(*names: str, **options: Any) -> World:
    world = World(**{"limits": ONE_AT_A_TIME, **options})
    for name in names:
        world.add(f"{name}/v1", bag_files(BagId.parse(name), {"a.txt": b"alpha", "b.txt": name.encode()}))
    return world


def ship(services: Services) -> Shipment:
    """Everything that is missing, in one parcel."""
    return ShipmentRecords(services.work).write([Parcel(find_unbackfilled(services, limit=1000).starts)])


def ends(ended: ParcelEnded) -> dict[str, BagEnd]:
    return {bag.bag: bag.end for bag in ended.bags}


def ingest_of(world: World, bag: str) -> Ingest:
    [ingest] = world.ingests.of_bag(BagId.parse(bag), "azure")
    return ingest


def test_each_bag_gets_its_own_ingest_receipt_and_registration() -> None:
    world = world_of(*NAMES)
    services = world.services()
    ended = run_parcel(services, ship(services).id, 0)

    assert ends(ended) == dict.fromkeys(NAMES, BagEnd.REGISTERED)
    assert ended.counts() == {
        "bags": 3,
        "registered": 3,
        "files": 18,
        "bytes": sum(len(d) for k, d in world.source.contents().items()),
    }
    for name in NAMES:
        assert world.is_registered(f"{name}/v1")
        assert ingest_of(world, name).status is IngestStatus.SUCCEEDED
        assert world.registry.claim_of(BagId.parse(name).version(1), "azure") is None
    receipts = {world.registry.replicas(BagId.parse(name).version(1))[-1].receipt for name in NAMES}
    assert len(receipts) == 3


def test_a_bag_is_what_it_would_be_after_a_run_of_its_own() -> None:
    alone, parcelled = world_of(NAMES[0]), world_of(NAMES[0])
    start = find_unbackfilled(alone.services(), limit=1).starts[0]
    backfill(alone.services(), BackfillRequest.parse(alone.services(), start.run_id, start.fields))
    run_parcel(parcelled.services(), ship(parcelled.services()).id, 0)

    assert parcelled.destination.contents() == alone.destination.contents()
    ours, theirs = ingest_of(parcelled, NAMES[0]), ingest_of(alone, NAMES[0])
    assert [event.description for event in ours.events] == [event.description for event in theirs.events]


def test_versions_of_a_bag_go_upwards() -> None:
    world = world_of("digitised/a")
    bag = BagId.parse("digitised/a")
    world.add("digitised/a/v2", bag_files(bag, {"n.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")}))
    services = world.services()
    ended = run_parcel(services, ship(services).id, 0)
    assert ends(ended) == {"digitised/a": BagEnd.REGISTERED}
    assert world.is_registered("digitised/a/v2")


def test_a_bad_bag_does_not_hold_up_its_neighbours_and_says_why() -> None:
    world = world_of(*NAMES)
    world.put("digitised/b/v1", {"data/b.txt": b"digitised/X"})
    services = world.services()
    ended = run_parcel(services, ship(services).id, 0)

    assert ends(ended) == {
        "digitised/a": BagEnd.REGISTERED,
        "digitised/b": BagEnd.FAILED,
        "digitised/c": BagEnd.REGISTERED,
    }
    [bad] = ended.those(BagEnd.FAILED)
    assert "digitised/b/v1: source-corrupt" in bad.text
    assert "data/b.txt" in bad.text
    assert ingest_of(world, "digitised/b").reason is Reason.SOURCE_CORRUPT


def test_a_bag_that_surprises_does_not_hold_up_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(*NAMES)
    services = world.services()
    shipment = ship(services)
    from bagfill.steps import parcel_bag

    plan = parcel_bag.plan_replication

    def surprise(services: Services, ref: Any) -> Any:
        if "digitised/b" in ref.bag_version:
            raise ZeroDivisionError
        return plan(services, ref)

    monkeypatch.setattr(parcel_bag, "plan_replication", surprise)
    first = run_parcel(services, shipment.id, 0, last_try=False)
    assert ends(first)["digitised/b"] is BagEnd.TO_RETRY
    assert ends(first)["digitised/c"] is BagEnd.REGISTERED
    last = run_parcel(services, shipment.id, 0)
    assert ends(last)["digitised/b"] is BagEnd.FAILED
    assert "ZeroDivisionError" in last.those(BagEnd.FAILED)[0].text


def test_a_passing_failure_keeps_ingest_and_claim_for_the_next_try() -> None:
    world = world_of(*NAMES)
    shipment = ship(world.services())

    def refuse(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE) if operation == "read" and "b/v1/data" in key else None

    first = run_parcel(world.services(source=refuse), shipment.id, 0, last_try=False)
    assert ends(first)["digitised/b"] is BagEnd.TO_RETRY
    opened = ingest_of(world, "digitised/b")
    assert not opened.status.is_final
    claim = world.registry.claim_of(opened.bag_version, "azure")
    assert isinstance(claim, Claim)
    assert find_unbackfilled(world.services(), limit=9).starts == ()

    second = run_parcel(world.services(), shipment.id, 0, last_try=False)
    assert ends(second) == dict.fromkeys(NAMES, BagEnd.REGISTERED)
    assert ingest_of(world, "digitised/b").id == opened.id


def test_in_the_last_try_a_passing_failure_ends_the_ingest() -> None:
    world = world_of(*NAMES)

    def refuse(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.REFUSE) if operation == "read" and "b/v1/data" in key else None

    services = world.services(source=refuse)
    ended = run_parcel(services, ship(services).id, 0, last_try=True)
    assert ends(ended)["digitised/b"] is BagEnd.FAILED
    assert ingest_of(world, "digitised/b").reason is Reason.SOURCE_UNREADABLE


def test_what_has_ended_is_not_opened_again() -> None:
    world = world_of(*NAMES)
    world.put("digitised/b/v1", {"data/b.txt": b"digitised/X"})
    services = world.services()
    shipment = ship(services)
    first = run_parcel(services, shipment.id, 0)
    events = {name: ingest_of(world, name).events for name in NAMES}
    again = run_parcel(services, shipment.id, 0)
    assert ends(again) == ends(first)
    assert {name: ingest_of(world, name).events for name in NAMES} == events


def test_an_archived_bag_is_given_back_unpaid_and_a_run_of_its_own_proposed() -> None:
    world = world_of(*NAMES)
    world.archive("digitised/b/v1", "data/a.txt")
    services = world.services()
    ended = run_parcel(services, ship(services).id, 0)

    assert ends(ended)["digitised/b"] is BagEnd.HANDED_OVER
    assert world.source.thaw_requests == []
    ingest = ingest_of(world, "digitised/b")
    assert ingest.reason is Reason.NEEDS_OWN_RUN
    assert world.registry.claim_of(ingest.bag_version, "azure") is None
    [given_back] = ended.those(BagEnd.HANDED_OVER)
    [swept] = find_unbackfilled(services, limit=9).starts
    # Whoever comes first starts it, and the other finds it started.
    assert given_back.own_run is not None
    assert given_back.own_run.run_id == swept.run_id
    assert swept.own_run


def test_versions_above_an_archived_one_go_with_it_and_those_below_are_done() -> None:
    world = world_of("digitised/a")
    bag = BagId.parse("digitised/a")
    world.add("digitised/a/v2", bag_files(bag, {"n.txt": b"new"}))
    world.add("digitised/a/v3", bag_files(bag, {"m.txt": b"m"}, fetched={"n.txt": ("v2/data/n.txt", b"new")}))
    world.archive("digitised/a/v2", "data/n.txt")
    services = world.services()
    ended = run_parcel(services, ship(services).id, 0)
    assert ends(ended) == {"digitised/a": BagEnd.HANDED_OVER}
    assert [world.is_registered(f"digitised/a/v{n}") for n in (1, 2, 3)] == [True, False, False]
    [start] = find_unbackfilled(services, limit=9).starts
    assert (start.own_run, start.versions) == (True, 2)


def test_a_bag_that_turns_out_large_is_given_back() -> None:
    world = world_of("digitised/a")
    shipment = ship(world.services())
    tight = replace(world.services(), limits=replace(ONE_AT_A_TIME, parcel_files=4))
    assert ends(run_parcel(tight, shipment.id, 0)) == {"digitised/a": BagEnd.HANDED_OVER}


def test_a_bag_that_another_run_works_on_is_left_to_it_without_an_ingest() -> None:
    world = world_of(*NAMES)
    services = world.services()
    shipment = ship(services)
    other = world.request("digitised/b", "bag__other")
    from bagfill.steps.open_ingest import open_ingests

    open_ingests(services, other)
    ended = run_parcel(services, shipment.id, 0)
    assert ends(ended)["digitised/b"] is BagEnd.LEFT_TO_ANOTHER
    assert ingest_of(world, "digitised/b").request_id == "bag__other"


def test_a_bag_that_another_shipment_tried_meanwhile_is_not_tried_again() -> None:
    world = world_of(*NAMES)
    world.put("digitised/b/v1", {"data/b.txt": b"digitised/X"})
    services = world.services()
    starts = find_unbackfilled(services, limit=9).starts
    first, second = (ShipmentRecords(services.work).write([Parcel(bags)]) for bags in (starts[:2], starts[1:]))
    assert ends(run_parcel(services, first.id, 0))["digitised/b"] is BagEnd.FAILED
    assert ends(run_parcel(services, second.id, 0)) == {
        "digitised/b": BagEnd.LEFT_TO_ANOTHER,
        "digitised/c": BagEnd.REGISTERED,
    }
    assert len(world.ingests.of_bag(BagId.parse("digitised/b"), "azure")) == 1


def test_parcels_that_overlap_and_run_at_the_same_time_replicate_each_bag_once() -> None:
    names = [f"digitised/{letter}" for letter in "abcdefgh"]
    world = world_of(*names, limits=replace(SMALL, bags_at_once=2))
    services = world.services()
    starts = find_unbackfilled(services, limit=9).starts
    records = ShipmentRecords(services.work)
    # The later one takes them the other way round, so that they meet.
    overlapping = [records.write([Parcel(starts)]), records.write([Parcel(starts[::-1][:7])])]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda shipment: run_parcel(services, shipment.id, 0), overlapping))

    assert all(world.is_registered(f"{name}/v1") for name in names)
    done = Counter(bag.bag for each in ended for bag in each.those(BagEnd.REGISTERED))
    assert done == Counter(names)
    lost = {bag.end for each in ended for bag in each.bags} - {BagEnd.REGISTERED}
    assert lost <= {BagEnd.LEFT_TO_ANOTHER, BagEnd.NOTHING_MISSING}
    succeeded = [i for i in world.ingests.recent() if i.status is IngestStatus.SUCCEEDED]
    assert len(succeeded) == len(names)


def test_a_bag_that_was_replicated_meanwhile_is_left_alone() -> None:
    world = world_of(*NAMES)
    services = world.services()
    shipment = ship(services)
    assert backfill(services, world.request("digitised/b", "cli:1")).succeeded
    assert ends(run_parcel(services, shipment.id, 0))["digitised/b"] is BagEnd.LEFT_TO_ANOTHER
    assert ingest_of(world, "digitised/b").request_id == "cli:1"


def test_a_bag_that_was_registered_without_an_ingest_meanwhile_needs_nothing() -> None:
    world = world_of(*NAMES)
    services = world.services()
    shipment = ship(services)
    bag_version = BagId.parse("digitised/b").version(1)
    record = ReplicaRecord(bag_version, "azure", world.clock(), None, None)
    world.registry._known[bag_version].replicas["azure"] = record
    assert ends(run_parcel(services, shipment.id, 0))["digitised/b"] is BagEnd.NOTHING_MISSING


def test_several_bags_at_once_come_to_the_same() -> None:
    names = [f"digitised/{letter}" for letter in "abcdefgh"]
    world = world_of(*names, limits=replace(SMALL, bags_at_once=4))
    services = world.services()
    seen: list[str] = []
    ended = run_parcel(services, ship(services).id, 0, ended=lambda bag: seen.append(bag.bag))
    assert ends(ended) == dict.fromkeys(names, BagEnd.REGISTERED)
    assert sorted(seen) == names


def test_a_parcel_that_is_not_there_is_told() -> None:
    with pytest.raises(ShipmentError, match="sweep again"):
        run_parcel(world_of().services(), "0" * 32, 0)


def test_what_a_killed_parcel_left_open_is_closed_at_the_end_of_its_run() -> None:
    world = world_of(*NAMES)
    shipment = ship(world.services())

    def kill(operation: str, key: str) -> Fault | None:
        return Fault(FaultKind.KILL_BEFORE) if "b/v1/data" in key else None

    with pytest.raises(Killed):
        run_parcel(world.services(source=kill), shipment.id, 0)
    assert not ingest_of(world, "digitised/b").status.is_final
    assert close_parcels(world.services(), shipment) == 1
    ingest = ingest_of(world, "digitised/b")
    assert ingest.reason is Reason.INTERRUPTED
    assert world.registry.claim_of(ingest.bag_version, "azure") is None
    assert world.is_registered("digitised/a/v1")
    assert close_parcels(world.services(), shipment) == 0


# --- one fault at each single call


TWO_BAGS: Mapping[str, Mapping[str, bytes]] = {
    f"{name}/v1": bag_files(BagId.parse(name), {"a.txt": name.encode()}) for name in NAMES[:2]
}


class ParcelDrill(Drill):
    """A sweep packs everything into one parcel, which is tried as Airflow tries a task."""

    def until_registered(self, rounds: int) -> None:
        for _ in range(rounds):
            shipment = ship(self.world.services())
            self.parcel(shipment)
            close_parcels(self.world.services(), shipment)
            if self.is_done:
                self.watch_end()
                return
            # Pauses between attempts of one bag, and leases.
            self.world.clock.advance(timedelta(hours=6))
        raise AssertionError(f"not registered after {rounds} parcels; faults {self.chaos.met}")

    def parcel(self, shipment: Shipment) -> None:
        for attempt in (1, 2, 3):
            self.chaos.revive()
            try:
                ended = run_parcel(self.services(), shipment.id, 0, last_try=attempt == 3)
            except (Killed, DatabaseDown, StoreError, ShipmentError):
                ended = None
            self.chaos.revive()
            self.watch()
            if ended is not None and not ended.those(BagEnd.TO_RETRY):
                return
            self.world.clock.advance(timedelta(minutes=5))


@pytest.fixture(scope="module")
def small_and_repeatable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_small_and_repeatable(patch)
        yield


@pytest.mark.usefixtures("small_and_repeatable")
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", [FaultKind.KILL_AFTER, FaultKind.LOSE_ANSWER])
def test_invariant_8_a_fault_at_any_call_of_a_parcel_changes_nothing_but_the_time_it_takes(
    part: str, kind: FaultKind
) -> None:
    good = ParcelDrill(versions=TWO_BAGS)
    good.until_registered(1)
    count = good.chaos.calls[part]
    assert count
    for number in range(count):
        drill = ParcelDrill(Chaos({(part, number): Fault(kind)}), versions=TWO_BAGS)
        drill.until_registered(1)
        assert drill.chaos.met, number
        for name in TWO_BAGS:
            ingests = drill.world.ingests.of_bag_version(BagVersionId.parse(name))
            assert [ingest.status for ingest in ingests] == [IngestStatus.SUCCEEDED], number
