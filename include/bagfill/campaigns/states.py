"""The states of a campaign, which may follow which, and what may be done in each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never


class CampaignState(StrEnum):
    """Where a campaign is."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting approval"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    STOPPED_AT_CAP = "stopped at cap"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return not TRANSITIONS[self]

    @property
    def starts_bags(self) -> bool:
        """Whether bags that are not in work yet may begin."""
        return self is CampaignState.RUNNING


class AfterDeadline(StrEnum):
    """What becomes of the bags that have not begun when a campaign's deadline is over."""

    GO_ON = "go-on"
    """They are begun all the same; the campaign is late, and says so."""
    START_NOTHING = "start-nothing"
    """They are left; what has begun is finished, and the campaign is done."""


_S = CampaignState

TRANSITIONS: Mapping[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.AWAITING_APPROVAL, _S.RUNNING, _S.CANCELLED}),
    _S.AWAITING_APPROVAL: frozenset({_S.DRAFT, _S.RUNNING, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.DRAINING, _S.STOPPED_AT_CAP, _S.DONE, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.DRAINING, _S.CANCELLED}),
    _S.DRAINING: frozenset({_S.RUNNING, _S.PAUSED, _S.STOPPED_AT_CAP, _S.DONE, _S.CANCELLED}),
    _S.STOPPED_AT_CAP: frozenset({_S.RUNNING, _S.DRAINING, _S.CANCELLED}),
    _S.DONE: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""From each state the states that may follow."""


class ActKind(StrEnum):
    """What is paid for."""

    THAW = "thaw"
    """Asking for archived objects: requests, retrieval, and the thawed copies while they live."""
    COPY = "copy"
    """Copying a shard and reading it back: requests, transfer out, writes."""


def may_act(
    state: CampaignState, kind: ActKind, *, thaw_paid: bool, booked: bool = False, prolongs: bool = False
) -> bool:
    """Whether an ingest of the campaign may do one more act.

    A bag whose thaw was paid is carried to its registration in every state but the first two: to stop it would have the
    thaw paid again later, or for nothing.

    Args:
        thaw_paid: whether a thaw was booked for this ingest.
        booked: whether this very act was booked before, and not settled: its money is set aside already.
        prolongs: a thaw that keeps copies alive which were paid for: it goes on as long as their use does.
    """
    finishes = thaw_paid and (prolongs or kind is ActKind.COPY)
    match state:
        case CampaignState.RUNNING | CampaignState.DRAINING:
            return True
        case CampaignState.STOPPED_AT_CAP:
            return booked or finishes
        case CampaignState.PAUSED | CampaignState.CANCELLED | CampaignState.DONE:
            return finishes
        case CampaignState.DRAFT | CampaignState.AWAITING_APPROVAL:
            return False
        case _:
            assert_never(state)
