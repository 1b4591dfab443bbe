"""Archived replicas: by metadata always, and by a thawed sample within the budget."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.audit.rules import AuditRules
from bagfill.bag.identifiers import BagId
from bagfill.steps.audit import audit, findings_of
from bagfill.steps.audit_conclude import AuditResult
from bagfill.steps.audit_due import audits_of_today
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.services import Services
from bagfill.storage.faults import Decide, Fault, FaultKind
from bagfill.storage.store import ThawTier
from world import THAW_DELAY, World, bag_files, contents

BAG = BagId.parse("digitised/b1234")
V1 = f"{BAG}/v1"
PAYLOAD = {f"{number}.txt": bytes([number]) * 100 for number in range(20)} | {"large.bin": b"x" * 50_000}
RULES = AuditRules(confidence=0.9, detectable_loss=0.5, thaw_bytes=10_000)


@pytest.fixture
def world() -> World:
    """A replica at ``primary`` that is archived whole."""
    made = World()
    made.add(V1, bag_files(BAG, PAYLOAD))
    made.archive(V1, *contents(made.source, f"{V1}/"), storage_class="DEEP_ARCHIVE")
    made.clock.advance(timedelta(days=1))
    return made


def services(world: World, rules: AuditRules = RULES, faults: Decide | None = None) -> Services:
    return world.services(source=faults, audit_rules=rules)


def look(world: World, mode: AuditMode = AuditMode.READ, **changes: object) -> AuditResult:
    return audit(services(world, **changes), AuditRequest("test", "primary", mode))  # type: ignore[arg-type]


def test_without_a_budget_nothing_is_thawed(world: World) -> None:
    result = look(world, rules=AuditRules())

    assert result.outcome is AuditOutcome.GOOD
    assert result.audit.finished is not None
    assert world.source.thaw_requests == []


def test_a_random_sample_within_the_budget_is_thawed_waited_for_and_read(world: World) -> None:
    first = look(world)

    assert (first.waiting, first.audit.finished, first.outcome) == (4, None, AuditOutcome.UNKNOWN)
    asked = [key for key, _, _ in world.source.thaw_requests]
    assert len(asked) == 4
    assert sum(len(world.source.contents()[key]) for key in asked) <= RULES.thaw_bytes
    # As the location's settings say, for as long as the rules say.
    assert {(tier, days) for _, tier, days in world.source.thaw_requests} == {(ThawTier.BULK, 3)}
    assert look(world).waiting == 4

    world.clock.advance(THAW_DELAY)
    last = look(world)

    assert last.outcome is AuditOutcome.GOOD
    assert last.audit.finished is not None
    assert last.statement is not None
    # The large file does not fit the budget: it is left out of what the statement is about.
    assert (last.statement.population, last.statement.drawn, last.statement.bad) == (24, 4, 0)
    assert "without 1 larger ones" in last.statement.text
    assert [event.mode for event in last.events] == [AuditMode.READ, AuditMode.SAMPLE]
    assert last.events[1].files_read == 4
    assert len(world.source.thaw_requests) == 4


def test_damage_that_the_sample_reads_is_a_finding(world: World) -> None:
    look(world)
    for key, _, _ in world.source.thaw_requests:
        data = world.source.contents()[key]
        world.source.put_unconditionally(key, bytes([data[0] ^ 1]) + data[1:])
    world.clock.advance(THAW_DELAY)

    result = look(world)

    assert result.outcome is AuditOutcome.FINDINGS
    assert result.statement is not None
    assert result.statement.bad == 4
    kinds = {finding.kind.value for event in result.events for finding in findings_of(services(world), event)}
    assert kinds == {"damaged"}


def test_a_copy_that_went_away_before_it_was_read_is_unknown_and_not_paid_for_twice(world: World) -> None:
    look(world)
    world.clock.advance(timedelta(days=30))

    result = look(world)

    assert result.outcome is AuditOutcome.UNKNOWN
    assert result.statement is None
    assert "could not be read" in result.remark
    assert len(world.source.thaw_requests) == 4


def test_a_refused_thaw_is_unknown_and_is_asked_for_again(world: World) -> None:
    refused = look(world, faults=lambda name, _: Fault(FaultKind.REFUSE) if name == "request thaw" else None)
    assert refused.outcome is AuditOutcome.UNKNOWN
    assert refused.audit.finished is None
    assert "archived files were not looked at" in refused.remark

    assert look(world).waiting == 4


def test_a_sample_of_all_files_thaws_what_it_drew(world: World) -> None:
    rules = AuditRules(confidence=0.9, detectable_loss=0.5, thaw_bytes=10**6)
    assert look(world, AuditMode.SAMPLE, rules=rules).waiting == 3
    world.clock.advance(THAW_DELAY)

    result = look(world, AuditMode.SAMPLE, rules=rules)

    assert result.outcome is AuditOutcome.GOOD
    assert result.statement is not None
    assert (result.statement.population, result.statement.drawn) == (25, 3)


def test_a_sample_that_does_not_fit_the_budget_says_nothing(world: World) -> None:
    result = look(world, AuditMode.SAMPLE, rules=AuditRules(confidence=0.9, detectable_loss=0.5, thaw_bytes=1))

    assert result.statement is None
    assert result.outcome is AuditOutcome.UNKNOWN
    assert world.source.thaw_requests == []


def test_a_list_never_thaws(world: World) -> None:
    assert look(world, AuditMode.LIST).outcome is AuditOutcome.GOOD
    assert world.source.thaw_requests == []


def test_the_run_of_another_day_goes_on_with_a_sample_that_was_thawed(world: World) -> None:
    first = AuditRequest("day 1", "primary", AuditMode.READ, due=True)
    assert audit(services(world), first).waiting == 4
    world.clock.advance(timedelta(days=1))

    planned = audits_of_today(services(world), AuditRequest("day 2", "primary", AuditMode.READ, due=True))

    assert planned[0].audit.id == first.audit_id
    assert len(planned) == 2
