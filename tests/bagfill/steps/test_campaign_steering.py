"""Whenever a campaign is paused, drained or cancelled: no bag is half registered, and no paid thaw is wasted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.steps.backfill import backfill
from bagfill.storage.faults import Decide, Fault
from campaign_world import NAME, CampaignWorld

V1 = "digitised/b1/v1"
S = CampaignState
# More than a bag of this world takes.
MOST_CALLS = 60


@pytest.fixture(autouse=True)
def _every_write_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bagfill.steps.campaign_watch.SECONDS", 0.0)


def nth_call(number: int, world: CampaignWorld, state: CampaignState) -> Decide:
    """Before this call of source or destination, whichever it is, somebody steers."""
    calls = 0

    def decide(_: str, __: str) -> Fault | None:
        nonlocal calls
        calls += 1
        if calls == number:
            world.move(state)
        return None

    return decide


def steered(number: int, state: CampaignState, *, archived: bool) -> tuple[CampaignWorld, dict[str, bytes]]:
    """A backfill during which the campaign is steered."""
    world = CampaignWorld()
    files = world.bag()
    if archived:
        world.archive(V1, *[path for path in files if path.startswith("data/")])
    world.run()
    decide = nth_call(number, world, state)
    services = world.services(source=decide, destination=decide)
    backfill(
        services,
        world.request("digitised/b1", "r1", campaign=NAME),
        poll_seconds=3600,
        sleep=lambda seconds: world.clock.advance(timedelta(seconds=seconds)),
    )
    return world, files


@given(
    number=st.integers(1, MOST_CALLS),
    state=st.sampled_from([S.PAUSED, S.DRAINING, S.CANCELLED]),
    archived=st.booleans(),
)
@settings(max_examples=40)
def test_a_bag_is_registered_whole_or_not_and_a_paid_thaw_is_used(
    number: int, state: CampaignState, archived: bool
) -> None:
    world, files = steered(number, state, archived=archived)
    registered = world.is_registered(V1)
    there = world.at_destination(V1)
    (ingest,) = world.ingests.recent()
    assert ingest.status is (IngestStatus.SUCCEEDED if registered else IngestStatus.FAILED)
    if registered:
        assert there == files
    # What lies there without being registered is right as far as it goes, and is found by the next ingest.
    assert all(files[path] == content for path, content in there.items())
    bookings = list(world.campaigns.bookings(NAME))
    assert all(booking.actual is not None for booking in bookings)
    if any(booking.act.kind is ActKind.THAW and booking.counts.requests for booking in bookings):
        assert registered
    if state is S.DRAINING:
        assert registered
    claim = world.registry.claim_of(ingest.bag_version, "azure")
    assert claim is None or claim.expires <= world.clock()


@given(number=st.integers(1, MOST_CALLS), archived=st.booleans())
@settings(max_examples=20)
def test_what_was_paused_anywhere_is_finished_after_the_resume_and_thawed_once(number: int, archived: bool) -> None:
    world, files = steered(number, S.PAUSED, archived=archived)
    if world.campaign().state is S.PAUSED:
        world.move(S.RUNNING)
    if not world.is_registered(V1):
        assert world.backfill(request="r2").succeeded
    assert world.at_destination(V1) == files
    spent = dict.fromkeys(ActKind, 0)
    for booking in world.campaigns.bookings(NAME):
        spent[booking.act.kind] += int(booking.counts.money)
    assert spent[ActKind.THAW] == (10 * 4 if archived else 0)
    # Each file once, and once more the one whose source was read when the pause came; no other was begun.
    assert len(files) <= spent[ActKind.COPY] <= len(files) + 1
