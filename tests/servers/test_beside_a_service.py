"""All together without Airflow: a sweep beside a service, and its parcels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bagfill.demo.ministack import MiniStack
from bagfill.ingests.model import IngestStatus
from bagfill.steps.import_service import import_service
from bagfill.steps.run_parcel import run_parcel
from bagfill.steps.shipments import Shipment
from bagfill.steps.start_missing import start_missing
from bagfill.steps.sweep_candidates import SweepStart
from service_world import service_world

pytestmark = pytest.mark.servers


class Shipments:
    """A workflow system that only remembers what it was told to start."""

    def __init__(self) -> None:
        self.sent: list[Shipment] = []

    def bag(self, start: SweepStart) -> bool:
        raise AssertionError(f"{start.bag} is small")

    def shipment(self, shipment: Shipment) -> bool:
        self.sent.append(shipment)
        return True


def test_a_sweep_finds_what_the_service_lacks_and_a_parcel_brings_it(ministack: MiniStack, tmp_path: Path) -> None:
    with service_world(ministack.endpoint, tmp_path, bag_versions=8) as world:
        services = world.services
        assert services.beside is not None
        import_service(services, services.beside)
        starter = Shipments()
        assert start_missing(services, starter, limit=100).bags == 4
        [shipment] = starter.sent
        for number in range(shipment.parcels):
            run_parcel(services, shipment.id, number, last_try=True, ended=lambda _: None)
        for bag in world.bags:
            [ingest] = services.ingests.of_bag_version(bag.sample.id, "shelf0")
            assert ingest.status is IngestStatus.SUCCEEDED
        for row in world.rows().values():
            assert len(json.loads(world.text(row))["replicaLocations"]) == 2
        assert start_missing(services, Shipments(), limit=100).bags == 0
