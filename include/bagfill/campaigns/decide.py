"""Decisions of a ledger, without a place to keep them: what every implementation runs inside its transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from bagfill.campaigns.ledger import Act, Booking, Halted, NotMoved, Permit
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import TRANSITIONS, CampaignState, may_act
from bagfill.planning.budget import CapReached, Caps, Fits, Spend, book


@dataclass(frozen=True, slots=True)
class Decided:
    """What a question for a permit came to.

    Args:
        answer: for whoever asked.
        campaign: as it is to be stored; the same object if nothing changed.
        booking: to be stored, or ``None``.
        spent: a booking that counts as spent from now on, to be stored, or ``None``.
    """

    answer: Permit | CapReached | Halted
    campaign: Campaign
    booking: Booking | None = None
    spent: Booking | None = None


def decide_permit(campaign: Campaign, act: Act, last: Booking | None, *, thaw_paid: bool, moment: datetime) -> Decided:
    """Whether an act may be done.

    Args:
        last: the newest booking of the same key.
        thaw_paid: whether a thaw was booked for the ingest.
        moment: by the clock of whoever asks.
    """
    spent: Booking | None = None
    if last is not None and last.actual is None and last.begun:
        last = spent = replace(last, actual=last.act.spend)
    is_open = last is not None and last.actual is None
    if not may_act(campaign.state, act.kind, thaw_paid=thaw_paid, booked=is_open, prolongs=act.prolongs):
        return Decided(Halted(campaign.state, campaign.why), campaign)
    # Of an act that was booked before only what it needs beyond that is booked now.
    already = last.act.spend if last is not None and is_open else Spend()
    more = act.spend.less(already)
    if last is not None and is_open and more == Spend():
        return Decided(Permit(last, is_new=False), campaign)
    match book(campaign.caps, campaign.account, more, moment, at_any_hour=act.prolongs):
        case CapReached(again=None) as reached:
            stopped = replace(campaign, account=reached.account)
            if CampaignState.STOPPED_AT_CAP in TRANSITIONS[campaign.state]:
                stopped = _changed(stopped, CampaignState.STOPPED_AT_CAP, str(reached), moment)
            return Decided(reached, stopped, spent=spent)
        case CapReached() as reached:
            return Decided(reached, replace(campaign, account=reached.account), spent=spent)
        case Fits(account, wait):
            booked = account.seen or moment
            if last is not None and is_open:
                booking = replace(last, act=replace(act, spend=already + more))
            else:
                booking = Booking(act, 1 if last is None else last.round + 1, booked)
            return Decided(Permit(booking, not is_open, wait), replace(campaign, account=account), booking, spent)
        case other:
            assert_never(other)


def decide_settlement(campaign: Campaign, booking: Booking, actual: Spend) -> tuple[Campaign, Booking]:
    """Campaign and booking after an act came to ``actual``."""
    account = campaign.account.settled(booking.act.spend, actual, booking.booked.date())
    return replace(campaign, account=account), replace(booking, actual=actual)


def decide_move(
    current: Campaign, read: Campaign, to: CampaignState, *, why: str, moment: datetime
) -> Campaign | NotMoved:
    """The campaign in its new state.

    Args:
        current: as it is stored.
        read: what the change was decided on.
    """
    if current.revision != read.revision:
        return NotMoved(current, f"it was changed meanwhile and is {current.state} now")
    if to not in TRANSITIONS[current.state]:
        allowed = ", ".join(sorted(TRANSITIONS[current.state])) or "nothing: it has ended"
        return NotMoved(current, f"it is {current.state}; from there it can become {allowed}")
    return _changed(current, to, why, moment)


def decide_caps(current: Campaign, read: Campaign, caps: Caps, *, moment: datetime) -> Campaign | NotMoved:
    """The campaign with its new caps."""
    if current.revision != read.revision:
        return NotMoved(current, f"it was changed meanwhile and is {current.state} now")
    if current.state.is_final:
        return NotMoved(current, f"it is {current.state}; its caps count no more")
    return replace(current, caps=caps, revision=current.revision + 1, changed=moment)


def _changed(campaign: Campaign, state: CampaignState, why: str, moment: datetime) -> Campaign:
    return replace(campaign, state=state, why=why, revision=campaign.revision + 1, changed=moment)
