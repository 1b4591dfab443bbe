"""What a registry may raise in the middle of a step becomes a reason in the ingest's story, not a crash."""

from __future__ import annotations

from uuid import UUID

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.manifest.errors import ManifestFormatError
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.storage_service.rows import RowFormatError
from bagfill.steps.failures import attempt
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import StepFailed
from world import World, bag_files

BAG = "digitised/b1"
BAG_ID = BagId.parse(BAG)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ManifestDamagedError("a/b.json", "other bytes"), Reason.MANIFEST_DAMAGED),
        (ManifestFormatError("$.manifest", "an object", "None"), Reason.MANIFEST_NOT_UNDERSTOOD),
        (RowFormatError("row digitised/b1/v1: its payload points to two places"), Reason.MANIFEST_NOT_UNDERSTOOD),
        (RegistryContendedError("digitised/b1/v1", 40), Reason.MANIFEST_CONTENDED),
    ],
)
def test_a_manifest_that_cannot_be_used_or_changed_is_said_in_the_ingest(error: Exception, reason: Reason) -> None:
    world = World()
    world.add(f"{BAG}/v1", bag_files(BAG_ID, {"a.txt": b"a"}))
    services = world.services()
    opened = open_ingests(services, world.request(BAG, "bag__1"))
    assert isinstance(opened, OpenedIngests)
    [ref] = opened.refs

    def failing() -> StepFailed:
        raise error

    failed = attempt(services, ref, "registering azure", failing)
    assert failed.reason is reason
    assert str(error) in failed.message
    ingest = services.ingests.get(UUID(ref.ingest_id))
    assert ingest is not None
    assert any(reason.advice in event.description or str(error)[:40] in event.description for event in ingest.events)
    # Only what no retry can help ends the ingest.
    assert (ingest.status is IngestStatus.FAILED) is not reason.retryable
