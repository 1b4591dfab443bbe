"""Files of ``fetch.txt`` are looked for at the destination, and count as read only if these very bytes were read."""

from __future__ import annotations

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import backfill
from bagfill.storage.faults import Fault
from world import World, advance_instead_of_sleeping, bag_files

BAG = BagId.parse("digitised/b1234")
V1, V2 = f"{BAG}/v1", f"{BAG}/v2"
OLD = f"{V1}/data/old.txt"


class Reads:
    """Keys that were read at the destination."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, operation: str, key: str) -> Fault | None:
        if operation == "read":
            self.keys.append(key)
        return None


@pytest.fixture
def world() -> World:
    """The first version is at the destination, with its receipt; the second fetches a file of it."""
    made = World()
    made.add(V1, bag_files(BAG, {"old.txt": b"alpha"}, algorithms=("sha256", "sha512")))
    made.add(
        V2,
        bag_files(
            BAG, {"new.txt": b"new"}, fetched={"kept.txt": ("v1/data/old.txt", b"alpha")}, algorithms=("sha256",)
        ),
    )
    assert run(made, "v1") == (None, [])
    return made


def run(world: World, version: str) -> tuple[str | None, list[str]]:
    """Why it failed, and which keys of the first version were read."""
    reads = Reads()
    request = world.request(str(BAG), f"bag__{version}", version=version)
    result = backfill(world.services(destination=reads), request, sleep=advance_instead_of_sleeping(world.clock))
    return result.closed[0].reason, [key for key in reads.keys if key.startswith(f"{V1}/") and version != "v1"]


def test_a_file_whose_reading_is_on_a_receipt_is_not_read_again(world: World) -> None:
    assert run(world, "v2") == (None, [])
    assert world.is_registered(V2)


def test_without_a_receipt_it_is_read(world: World) -> None:
    for name in [name for name in world.records.contents() if name.startswith("receipts/azure/") and "/v1/" in name]:
        world.records.remove(name)
    assert run(world, "v2") == (None, [OLD])


def test_an_object_that_is_another_than_the_receipt_s_is_read(world: World) -> None:
    world.put(V1, {"data/old.txt": b"alpha"}, bucket=world.destination)
    assert run(world, "v2") == (None, [OLD])


def test_other_bytes_of_the_same_size_at_the_destination_stop_the_later_version(world: World) -> None:
    world.put(V1, {"data/old.txt": b"alphb"}, bucket=world.destination)
    reason, read = run(world, "v2")
    assert reason == Reason.DESTINATION_CORRUPT.code
    assert read == [OLD]
    assert not world.is_registered(V2)


def test_what_lies_at_the_primary_alone_does_not_count(world: World) -> None:
    world.destination.remove(OLD)
    reason, _ = run(world, "v2")
    assert reason == Reason.DESTINATION_INCOMPLETE.code
    assert not world.is_registered(V2)


def test_a_receipt_that_lacks_an_algorithm_of_the_later_version_is_not_enough() -> None:
    world = World()
    world.add(V1, bag_files(BAG, {"old.txt": b"alpha"}, algorithms=("sha256",)))
    fetched = {"kept.txt": ("v1/data/old.txt", b"alpha")}
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched=fetched, algorithms=("sha256", "sha512")))
    run(world, "v1")
    assert run(world, "v2") == (None, [OLD])
