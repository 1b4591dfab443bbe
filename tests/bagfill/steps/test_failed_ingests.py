"""Ingests that failed, page by page, and what has become of their bags."""

from __future__ import annotations

from datetime import timedelta

from bagfill.bag.identifiers import BagId
from bagfill.ingests.reasons import Reason
from bagfill.steps.failed_ingests import Since, failed_page
from bagfill.steps.failures_list import release_bag
from campaign_world import CampaignWorld


def names(world: CampaignWorld, reason: Reason) -> list[tuple[str, Since]]:
    page = failed_page(world.services(), reason, "azure", limit=1)
    found = list(page.lines)
    while page.before is not None:
        page = failed_page(world.services(), reason, "azure", before=page.before, limit=1)
        found += page.lines
    return [(str(line.ingest.bag_version.bag), line.since) for line in found]


def test_bags_are_judged_as_the_sweep_would_now() -> None:
    world = CampaignWorld()
    world.run()
    for number in (1, 2, 3):
        world.bag(f"digitised/b{number}")
        world.source.remove(f"digitised/b{number}/v1/bagit.txt")
        assert not world.backfill(f"digitised/b{number}", f"r{number}").succeeded
        world.clock.advance(timedelta(minutes=1))
    release_bag(world.services(), BagId.parse("digitised/b2"), "azure", who="ada")
    world.put("digitised/b3/v1", {"bagit.txt": b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"})
    assert world.backfill("digitised/b3", "again").succeeded
    assert names(world, Reason.SOURCE_INCOMPLETE) == [
        ("digitised/b3", Since.ARRIVED),
        ("digitised/b2", Since.NEXT_SWEEP),
        ("digitised/b1", Since.NEEDS_PERSON),
    ]
