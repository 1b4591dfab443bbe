"""Keeping a claim: renewed on entering and by heartbeats; lost means no further write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bagfill.bag.identifiers import BagVersionId
from bagfill.logs.writing import FIELDS
from bagfill.registry.registry import Claim, ClaimLostError
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services
from world import SMALL, World

ID = BagVersionId.parse("digitised/b1/v1")
BEAT = timedelta(milliseconds=60)
"""A lease of which a third passes quickly in real time."""


class Registry:
    """A registry whose heartbeats a test may count and break."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.beats = 0
        self.failing: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def heartbeat(self, claim: Claim, *, lease: timedelta) -> Claim:
        self.beats += 1
        if self.failing is not None:
            raise self.failing
        return self._inner.heartbeat(claim, lease=lease)


@pytest.fixture
def world() -> World:
    return World(limits=replace(SMALL, lease=BEAT))


@pytest.fixture
def registry(world: World) -> Registry:
    return Registry(world.registry)


@pytest.fixture
def services(world: World, registry: Registry) -> Services:
    return world.services(registry=registry)


@pytest.fixture
def ref(world: World) -> IngestRef:
    claim = world.registry.acquire(ID, "azure", holder="mine", lease=BEAT)
    assert isinstance(claim, Claim)
    return IngestRef("mine", str(ID), "primary", "azure", claim.token, "Bulk", 5)


def take_over(world: World) -> None:
    world.clock.advance(timedelta(hours=1))
    assert isinstance(world.registry.acquire(ID, "azure", holder="other", lease=BEAT), Claim)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stale_holder_is_refused_on_entering(world: World, services: Services, ref: IngestRef) -> None:
    take_over(world)
    with pytest.raises(ClaimLostError), ClaimKeeper(services, ref):
        pytest.fail("entered")


def test_entering_renews_a_lease_that_ran_out_while_nobody_took_it(
    world: World, services: Services, ref: IngestRef
) -> None:
    world.clock.advance(timedelta(hours=1))
    with ClaimKeeper(services, ref) as keeper:
        keeper.check()
        claim = world.registry.claim_of(ID, "azure")
        assert claim is not None
        assert claim.expires > world.clock()


def test_heartbeats_go_on_while_work_goes_on_and_stop_with_it(
    registry: Registry, services: Services, ref: IngestRef
) -> None:
    with ClaimKeeper(services, ref) as keeper:
        eventually(lambda: registry.beats >= 4)
        keeper.check()
    ended = registry.beats
    time.sleep(BEAT.total_seconds())
    assert registry.beats == ended


def test_a_claim_lost_in_the_middle_stops_the_next_write(world: World, services: Services, ref: IngestRef) -> None:
    with ClaimKeeper(services, ref) as keeper:
        keeper.check()
        take_over(world)

        def lost() -> bool:
            try:
                keeper.check()
            except ClaimLostError:
                return True
            return False

        eventually(lost)
        with pytest.raises(ClaimLostError):
            keeper.check()


def test_a_registry_out_of_reach_is_asked_again_and_loses_nobody_s_claim(
    registry: Registry, services: Services, ref: IngestRef, caplog: pytest.LogCaptureFixture
) -> None:
    with ClaimKeeper(services, ref) as keeper:
        registry.failing = ConnectionError("postgresql://bagfill:secret@registry is down")
        reached = registry.beats
        eventually(lambda: registry.beats >= reached + 3)
        keeper.check()
        registry.failing = None
        keeper.check()
    # Whoever reads the log learns of it, and never what the error said: it may hold an address with a password.
    told = [getattr(record, FIELDS) for record in caplog.records if "claim not renewed" in record.getMessage()]
    assert told
    assert all(fields["ingest"] == "mine" for fields in told)
    assert "secret" not in caplog.text
