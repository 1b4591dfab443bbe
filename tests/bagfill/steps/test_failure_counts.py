"""What is counted in the database is what the sweep's own judgement comes to, bag by bag, whatever their histories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from bagfill.bag.identifiers import BagId, BagVersion
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.demo.postgresql import PostgreSQL
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.releases import Release
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.sql_failed_bags import SqlFailedBags
from bagfill.ingests.sql_releases import SqlReleases
from bagfill.planning.budget import Caps
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.sql import SqlRegistry
from bagfill.steps.failure_counts import failure_lines
from bagfill.steps.failures_list import failure_groups, needing_a_person, needing_for_reason, release_reason
from bagfill.steps.services import Policy, Services
from bagfill.storage.memory import MemoryStore
from contracts.databases import postgresql_url, sqlite_url, with_tables
from contracts.sample_manifests import sample_manifest
from world import World

_REASONS = [
    Reason.SOURCE_CORRUPT,
    Reason.SOURCE_CORRUPT,
    Reason.NAME_REFUSED,
    Reason.SOURCE_UNREADABLE,
    Reason.SOURCE_CHANGED,
    Reason.NEEDS_OWN_RUN,
    None,
]
SPACES = ("digitised", "born", "c")


@contextmanager
def services_at(url: str) -> Iterator[Services]:
    """Services on a database, of which three bag versions are looked at in one statement."""
    world = World()
    with with_tables(url) as engine:
        yield replace(
            world.services(),
            registry=SqlRegistry(engine, ManifestStore(MemoryStore())),
            ingests=SqlIngestTracker(engine),
            releases=SqlReleases(engine),
            failed=SqlFailedBags(engine, rows=3),
            campaigns=MemoryCampaigns(world.clock),
        )


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with services_at(sqlite_url(tmp_path)) as made:
        yield made


def fill(services: Services, chance: Random, bags: int) -> None:
    """Bags of one to three versions, each with a history of its own at ``azure``."""
    for number in range(bags):
        bag = BagId.parse(f"{chance.choice(SPACES)}/b'é {number}", stored=True)
        versions = range(1, chance.choice([1, 1, 1, 2, 3]) + 1)
        for version in versions:
            older = {f"v{chance.randrange(1, version)}/data/a": 3} if version > 1 and chance.random() < 0.5 else {}
            manifest = sample_manifest(bag.version(version), files={f"v{version}/data/b": 7, **older})
            there = ["azure"] if chance.random() < 0.2 else []
            services.registry.add_bag_version(manifest, locations=["primary", *there])
        for attempt in range(chance.choice([0, 1, 1, 1, 2, 4, 13])):
            for version in versions:
                if chance.random() < 0.8:
                    services.ingests.open(_ingest(services, chance, bag, version, attempt))
        if chance.random() < 0.2:
            then = services.clock() - timedelta(minutes=chance.randrange(600))
            services.releases.release(Release(bag, "azure", then, "ada", "looked"))


def _ingest(services: Services, chance: Random, bag: BagId, version: int, attempt: int) -> Ingest:
    reason = chance.choice(_REASONS if chance.random() < 0.5 else _REASONS[:1])
    status = IngestStatus.FAILED if chance.random() < 0.95 else IngestStatus.PROCESSING
    made = services.clock() - timedelta(minutes=chance.randrange(600))
    told = IngestEvent.of("Failed", made + timedelta(seconds=chance.randrange(99)))
    return Ingest(
        UUID(int=chance.getrandbits(128)),
        bag.version(version),
        "primary",
        "azure",
        status,
        made,
        f"bag__{bag}-{attempt}",
        () if chance.random() < 0.3 else (told,),
        reason=reason if status is IngestStatus.FAILED else None,
    )


def counted(services: Services) -> dict[tuple[str, str], tuple[Any, ...]]:
    lines = list(failure_lines(services))
    assert len({(line.reason, line.destination) for line in lines}) == len(lines)
    return {(line.reason, line.destination): (line.bags, line.first_seen, line.last_seen) for line in lines}


def agree(services: Services) -> None:
    slowly = replace(services, failed=None)
    assert counted(services) == counted(slowly)
    needing = {(each.bag, each.destination, each.reason) for each in needing_a_person(slowly)}
    for line in failure_lines(services):
        assert (line.example, line.destination) in {(bag, where) for bag, where, _ in needing}
    for space in (None, "born"):
        groups = failure_groups(services, space=space)
        told = {(each.reason, each.bags, each.first_seen, each.last_seen, len(each.examples)) for each in groups}
        slow = failure_groups(slowly, space=space)
        assert told == {(each.reason, each.bags, each.first_seen, each.last_seen, len(each.examples)) for each in slow}
        assert {(each.bag, each.destination, each.reason) for group in groups for each in group.examples} <= needing
    for reason in (Reason.SOURCE_CORRUPT, Reason.SOURCE_UNREADABLE, Reason.INTERRUPTED, Reason.BAG_INVALID):
        found = [(each.bag, each.destination) for each in needing_for_reason(services, reason, None)]
        assert len(found) == len(set(found))
        assert set(found) == {(bag, where) for bag, where, why in needing if why is reason}


@pytest.mark.parametrize("seed", range(2))
def test_counting_and_judging_agree(services: Services, seed: int) -> None:
    fill(services, Random(seed), 35)
    agree(services)
    assert sum(number for number, _, _ in counted(services).values()) > 10


@pytest.mark.servers
def test_they_agree_on_postgresql_too(postgresql: PostgreSQL) -> None:
    with services_at(postgresql_url(postgresql)) as services:
        fill(services, Random(99), 35)
        agree(services)


@pytest.mark.parametrize("policies", [(), (Policy(("born",), ("azure",)),)])
def test_what_campaigns_want_beside_the_policies_is_counted_once(
    services: Services, policies: tuple[Policy, ...]
) -> None:
    services = replace(services, policies=policies)
    fill(services, Random(5), 30)
    scopes = {
        "whole-space": Scope(spaces=("digitised",)),
        "prefix": Scope(prefix="c/b'é 1"),
        "prefix-again": Scope(spaces=("c",), prefix="c/b'"),
        "names": Scope(bags=tuple(f"{space}/b'é {number}" for space in SPACES for number in range(30))),
    }
    for name, scope in scopes.items():
        made = Campaign(name, Definition(scope, "azure"), Caps(), services.clock())
        services.campaigns.create(made, who="ada")
        assert counted(services) == counted(replace(services, failed=None))
    agree(services)


def test_the_same_statements_are_sent_for_a_thousand_plain_failures_as_for_ten(services: Services) -> None:
    """Nothing is asked bag by bag where every history is plain."""
    chance = Random(1)
    sent: list[str] = []
    engine = services.registry._engine  # type: ignore[attr-defined]  # counts what is sent
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: sent.append(statement))
    numbers = []
    services = replace(services, failed=SqlFailedBags(engine))
    for upto in (10, 200):
        for number in range(len(numbers) and 10, upto):
            bag = BagId.parse(f"digitised/p{number}")
            services.registry.add_bag_version(sample_manifest(bag.version(1)), locations=["primary"])
            ingest = replace(_ingest(services, chance, bag, 1, 0), status=IngestStatus.FAILED)
            services.ingests.open(replace(ingest, reason=Reason.SOURCE_CORRUPT))
        sent.clear()
        [line] = failure_lines(services)
        assert line.bags == upto
        assert BagVersion(1) in services.registry.versions(BagId.parse(line.example))
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]


def test_a_bag_that_somebody_works_on_needs_nobody(services: Services) -> None:
    chance, bag = Random(2), BagId.parse("digitised/b1")
    services.registry.add_bag_version(sample_manifest(bag.version(1)), locations=["primary", "azure"])
    services.registry.add_bag_version(sample_manifest(bag.version(2)), locations=["primary"])
    failed = replace(_ingest(services, chance, bag, 2, 0), status=IngestStatus.FAILED, reason=Reason.NAME_REFUSED)
    services.ingests.open(failed)
    assert [line.bags for line in failure_lines(services)] == [1]
    again = replace(_ingest(services, chance, bag, 1, 1), status=IngestStatus.ACCEPTED, reason=None)
    services.ingests.open(replace(again, created=services.clock()))
    assert list(failure_lines(services)) == []
    agree(services)


def test_all_bags_of_a_reason_are_released_while_others_are_still_looked_for(services: Services) -> None:
    fill(services, Random(3), 40)
    waited = [(each.bag, each.destination) for each in needing_for_reason(services, Reason.SOURCE_CORRUPT, "azure")]
    before = len(list(services.releases.all()))
    made = list(release_reason(services, Reason.SOURCE_CORRUPT, "azure", who="ada", why="repaired"))
    assert [(str(each.bag), each.destination) for each in made] == waited
    assert len(made) > 5
    assert len(list(services.releases.all())) == before + len(made)
    assert list(release_reason(services, Reason.SOURCE_CORRUPT, "azure", who="ada")) == []
    assert ("source-corrupt", "azure") not in counted(services)
