"""Whichever flush of a disk fails, of bag, work area or receipts: no replica rests on what may be lost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.steps.backfill import backfill
from bagfill.steps.records import RecordStore
from bagfill.steps.services import Services
from bagfill.steps.write_seals import write_seals
from bagfill.storage.local import LocalStore
from bagfill.storage.location import Location
from bagfill.storage.memory import MemoryStore
from bagfill.storage.store import ObjectStore
from failing_flush import FlushedDisk, never
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = f"{BAG}/v1"
PAYLOAD = {"a.txt": b"alpha", "sub/big.bin": bytes(range(256)) * 6_000}
PLACES = ("azure", "work", "receipts")


@dataclass
class Stores:
    world: World
    destination: ObjectStore

    def reading(self, location: Location) -> ObjectStore:
        if location.name == "azure":
            return self.destination
        return MemoryStore(self.world.source, location="primary")

    def writing(self, location: Location) -> ObjectStore:
        return self.reading(location)

    def server_copy(self, source: Location, destination: Location) -> None:
        return None


def prepared(folder: Path) -> tuple[World, Services]:
    world = World()
    world.add(V1, bag_files(BAG, PAYLOAD))
    stores = {}
    for name in PLACES:
        (folder / name).mkdir(parents=True)
        stores[name] = LocalStore(folder / name, location=name, writing=True)
    return world, world.services(
        stores=Stores(world, stores["azure"]),
        work=RecordStore(stores["work"]),
        receipts=RecordStore(stores["receipts"]),
    )


def require_kept(disk: FlushedDisk, folder: Path, *, without: str = "nothing") -> None:
    for place in ("azure", "receipts"):
        for info in LocalStore(folder / place, location=place).list(""):
            assert without in info.key or disk.keeps(folder / place, info.key), info.key


@pytest.mark.deep
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_registered_on_what_was_not_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    disk = FlushedDisk(monkeypatch)
    world, services = prepared(tmp_path / "sound")
    assert backfill(services, world.request(str(BAG))).succeeded
    require_kept(disk, tmp_path / "sound")
    count = sum(place in path.parts for path in disk.asked)
    assert count > 2
    stopped = 0
    for number in range(0, count, 1 if "BAGFILL_DEEP" in os.environ else 1 + count // 8):
        folder = tmp_path / str(number)
        world, services = prepared(folder)
        disk.asked.clear()

        def fails(path: Path, folder: Path = folder, number: int = number) -> bool:
            asked = sum(each.is_relative_to(folder / place) for each in disk.asked)
            return path.is_relative_to(folder / place) and asked > number

        disk.fails = fails
        if not backfill(services, world.request(str(BAG))).succeeded:
            stopped += 1
            [ingest] = world.ingests.of_request("bag__test")
            assert any("EIO" in event.description and f"at {place}" in event.description for event in ingest.events)
        if world.is_registered(V1):
            # Seals are the registry's own, and copied to the receipts afterwards.
            require_kept(disk, folder, without="_seals/")
        disk.fails = never
        assert backfill(services, world.request(str(BAG), "bag__again")).succeeded
        write_seals(services, "azure")
        require_kept(disk, folder)
    assert stopped
