"""Campaigns in memory: for fast tests, property tests and simulations. One process, nothing is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

from bagfill.campaigns.decide import decide_caps, decide_move, decide_permit, decide_settlement
from bagfill.campaigns.ledger import Act, Booking, Halted, NameTaken, NotMoved, Permit, UnknownCampaign
from bagfill.campaigns.model import Campaign, CampaignEvent
from bagfill.campaigns.states import ActKind, CampaignState, may_act
from bagfill.planning.budget import CapReached, Caps, Spend
from bagfill.registry.clock import Clock, utc_now

_Key = tuple[str, str, ActKind, str]


class MemoryCampaigns:
    """See :class:`bagfill.campaigns.ledger.Campaigns`.

    Args:
        clock: by which days and hours are told.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = RLock()
        self._campaigns: dict[str, Campaign] = {}
        self._events: dict[str, list[CampaignEvent]] = {}
        self._documents: dict[tuple[str, str], dict[str, Any]] = {}
        # All rounds of a key; in order of their first booking.
        self._bookings: dict[_Key, list[Booking]] = {}
        self._thawed: set[tuple[str, str]] = set()

    def create(self, campaign: Campaign, *, who: str) -> Campaign | NameTaken:
        """See :meth:`Campaigns.create`."""
        with self._lock:
            known = self._campaigns.get(campaign.name)
            if known is not None:
                same = (known.definition, known.caps) == (campaign.definition, campaign.caps)
                return known if same else NameTaken(known)
            self._campaigns[campaign.name] = campaign
            self._tell(campaign, who, "created")
            return campaign

    def get(self, name: str) -> Campaign | None:
        """See :meth:`Campaigns.get`."""
        with self._lock:
            return self._campaigns.get(name)

    def all(self, *, states: Collection[CampaignState] | None = None) -> Sequence[Campaign]:
        """See :meth:`Campaigns.all`."""
        with self._lock:
            return [each for each in self._campaigns.values() if states is None or each.state in states]

    def move(self, campaign: Campaign, to: CampaignState, *, who: str, why: str) -> Campaign | NotMoved:
        """See :meth:`Campaigns.move`."""
        with self._lock:
            current = self._known(campaign.name)
            moved = decide_move(current, campaign, to, why=why, moment=self._clock())
            return self._keep(moved, who, f"{current.state} → {to}: {why}")

    def change_caps(self, campaign: Campaign, caps: Caps, *, who: str, why: str) -> Campaign | NotMoved:
        """See :meth:`Campaigns.change_caps`."""
        with self._lock:
            changed = decide_caps(self._known(campaign.name), campaign, caps, moment=self._clock())
            return self._keep(changed, who, f"caps changed: {why}")

    def remember(self, name: str, what: str, document: dict[str, Any]) -> None:
        """See :meth:`Campaigns.remember`."""
        with self._lock:
            self._known(name)
            self._documents[name, what] = document

    def remembered(self, name: str, what: str) -> dict[str, Any] | None:
        """See :meth:`Campaigns.remembered`."""
        with self._lock:
            return self._documents.get((name, what))

    def events(self, name: str) -> Sequence[CampaignEvent]:
        """See :meth:`Campaigns.events`."""
        with self._lock:
            return tuple(self._events.get(name, ()))

    def permit(self, name: str, act: Act) -> Permit | CapReached | Halted:
        """See :meth:`Campaigns.permit`."""
        with self._lock:
            campaign = self._known(name)
            rounds = self._bookings.get((name, act.ingest_id, act.kind, act.part), [])
            last = rounds[-1] if rounds else None
            paid = (name, act.ingest_id) in self._thawed
            decided = decide_permit(campaign, act, last, thaw_paid=paid, moment=self._clock())
            self._campaigns[name] = decided.campaign
            if decided.campaign.revision != campaign.revision:
                self._tell(
                    decided.campaign, "the ledger", f"{campaign.state} → {decided.campaign.state}: {decided.answer}"
                )
            if decided.spent is not None:
                self._store(name, decided.spent)
            if decided.booking is not None:
                self._store(name, decided.booking)
            return decided.answer

    def begin(self, name: str, act: Act) -> None:
        """See :meth:`Campaigns.begin`."""
        with self._lock:
            self._known(name)
            rounds = self._bookings.get((name, act.ingest_id, act.kind, act.part))
            if rounds and rounds[-1].actual is None:
                self._store(name, replace(rounds[-1], begun=True))

    def may_go_on(self, name: str, ingest_id: str, kind: ActKind, *, begun: bool = True) -> Halted | None:
        """See :meth:`Campaigns.may_go_on`."""
        with self._lock:
            campaign = self._known(name)
            paid = (name, ingest_id) in self._thawed
            may = may_act(campaign.state, kind, thaw_paid=paid, booked=begun)
            return None if may else Halted(campaign.state, campaign.why)

    def settle(self, name: str, act: Act, actual: Spend) -> bool:
        """See :meth:`Campaigns.settle`."""
        with self._lock:
            campaign = self._known(name)
            rounds = self._bookings.get((name, act.ingest_id, act.kind, act.part))
            if not rounds or rounds[-1].actual is not None:
                return False
            self._campaigns[name], settled = decide_settlement(campaign, rounds[-1], actual)
            self._store(name, settled)
            return True

    def close(self, name: str, ingest_id: str) -> int:
        """See :meth:`Campaigns.close`."""
        with self._lock:
            self._known(name)
            found = [each for each in self.bookings(name, ingest_id=ingest_id) if each.actual is None]
            for booking in found:
                self.settle(name, booking.act, booking.act.spend)
            return len(found)

    def bookings(self, name: str, *, ingest_id: str | None = None) -> Iterator[Booking]:
        """See :meth:`Campaigns.bookings`."""
        with self._lock:
            found = [
                booking
                for key, rounds in self._bookings.items()
                if key[0] == name and (ingest_id is None or key[1] == ingest_id)
                for booking in rounds
            ]
        yield from found

    def _known(self, name: str) -> Campaign:
        campaign = self._campaigns.get(name)
        if campaign is None:
            raise UnknownCampaign(name)
        return campaign

    def _keep(self, outcome: Campaign | NotMoved, who: str, what: str) -> Campaign | NotMoved:
        if isinstance(outcome, Campaign):
            self._campaigns[outcome.name] = outcome
            self._tell(outcome, who, what)
        return outcome

    def _store(self, name: str, booking: Booking) -> None:
        act = booking.act
        rounds = self._bookings.setdefault((name, act.ingest_id, act.kind, act.part), [])
        if rounds and rounds[-1].round == booking.round:
            rounds[-1] = booking
        else:
            rounds.append(booking)
        thaws = [
            each
            for key, those in self._bookings.items()
            if key[:3] == (name, act.ingest_id, ActKind.THAW)
            for each in those
        ]
        self._thawed.discard((name, act.ingest_id))
        if any(thaw.counts.requests for thaw in thaws):
            self._thawed.add((name, act.ingest_id))

    def _tell(self, campaign: Campaign, who: str, what: str) -> None:
        self._events.setdefault(campaign.name, []).append(CampaignEvent(self._clock(), who, what))
