"""Reading a replica of many files again takes memory for columns, and none for objects."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit import audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.import_location import import_location
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectStore
from many_files import PREFIX, ManyFiles
from world import World

FILES = 10_000
MOST = 7_500_000
"""Bytes. With an object of Python for each file that is read it was 9.3 million."""


@dataclass
class Alone:
    """One store for the one location."""

    store: ObjectStore

    def reading(self, location: Location) -> ObjectStore:
        return self.store

    def writing(self, location: Location) -> ObjectStore:
        return self.store

    def server_copy(self, source: Location, destination: Location) -> None:
        return None


def test_a_replica_of_many_files_is_read_again_without_being_held() -> None:
    services = World().services(stores=Alone(ManyFiles(FILES, "primary")))
    assert import_location(services, "primary").is_clean
    assert services.registry.manifest(BagVersionId.parse(PREFIX.removesuffix("/"))) is not None
    tracemalloc.start()
    result = audit(services, AuditRequest("test:1", "primary", AuditMode.READ))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.outcome is AuditOutcome.GOOD
    assert [event.files_read for event in result.events] == [FILES + 4]
    assert most < MOST
