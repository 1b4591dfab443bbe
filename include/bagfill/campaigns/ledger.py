"""The campaigns protocol: records, and the ledger of what they spend. ``tests/contracts/campaigns_contract.py`` checks
every implementation.

The permission for an act and its booking are one transaction. A booking is made at the most that the act can come to,
and settled at what it came to. A crash between the two leaves the booking open: whoever tries the same act again, under
the same key, finds it and books nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from bagfill.campaigns.model import Campaign, CampaignEvent
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.planning.budget import CapReached, Caps, Spend


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that costs.

    Args:
        ingest_id: for which ingest.
        kind: what is done.
        part: which part of the ingest: number of a shard, of a thaw's group of requests. Together with ``ingest_id``
            and ``kind`` it is the booking's key.
        spend: the most that it can come to.
        prolongs: a thaw of copies that live, so that they live longer: nothing is retrieved again. It is permitted at
            any hour, and for as long as the ingest may copy.
    """

    ingest_id: str
    kind: ActKind
    part: str
    spend: Spend
    prolongs: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Booking:
    """One act that was permitted.

    Args:
        act: with the amount that was booked.
        round: from 1; the same act done again after it was settled is booked again.
        booked: when, by the ledger's own time.
        actual: what it came to; ``None`` as long as it is open.
        begun: whether the act has begun: if it is tried again, what the first try cost is not known to be nothing.
    """

    act: Act
    round: int
    booked: datetime
    actual: Spend | None = None
    begun: bool = False

    @property
    def counts(self) -> Spend:
        """What counts against the caps."""
        return self.act.spend if self.actual is None else self.actual


@dataclass(frozen=True, slots=True)
class Permit:
    """The act may be done, and is booked.

    Args:
        booking: as it stands.
        is_new: ``False`` if an open booking of the same act was found.
        wait: how long to wait before it, so that requests keep to the campaign's rate.
    """

    booking: Booking
    is_new: bool
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Halted:
    """The campaign is in a state in which this act is not done; nothing was booked."""

    state: CampaignState
    why: str


@dataclass(frozen=True, slots=True)
class NameTaken:
    """There is another campaign of this name; nothing was created."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class NotMoved:
    """The campaign is not what the change was decided on, or the change is none that may follow; nothing changed.

    Args:
        campaign: as it is.
    """

    campaign: Campaign
    why: str


class UnknownCampaign(LookupError):
    """There is no campaign of this name. Not retryable."""

    retryable = False

    def __init__(self, name: str) -> None:
        super().__init__(f"no campaign is named {name!r}; bagfill campaign list shows them")
        self.name = name

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the name (exceptions cross process borders)."""
        return (UnknownCampaign, (self.name,))


class CampaignHalted(Exception):
    """An act that was under way stops, because its campaign did. It goes on when the campaign does."""

    retryable = True

    def __init__(self, name: str, halted: Halted) -> None:
        super().__init__(f"campaign {name} is {halted.state}" + (f": {halted.why}" if halted.why else ""))
        self.name = name
        self.halted = halted

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments (exceptions cross process borders)."""
        return (CampaignHalted, (self.name, self.halted))


class Campaigns(Protocol):
    """Keeps campaigns and their ledgers."""

    def create(self, campaign: Campaign, *, who: str) -> Campaign | NameTaken:
        """Store a new campaign; creating it twice with the same definition and caps is no error."""
        ...

    def get(self, name: str) -> Campaign | None:
        """The campaign, or ``None`` if there is none."""
        ...

    def all(self, *, states: Collection[CampaignState] | None = None) -> Sequence[Campaign]:
        """Campaigns (in these states), in the order they were created."""
        ...

    def move(self, campaign: Campaign, to: CampaignState, *, who: str, why: str) -> Campaign | NotMoved:
        """Change the state, if the campaign still has the revision it was read with."""
        ...

    def change_caps(self, campaign: Campaign, caps: Caps, *, who: str, why: str) -> Campaign | NotMoved:
        """Change the caps, if the campaign still has the revision it was read with. Not of one that has ended."""
        ...

    def remember(self, name: str, what: str, document: dict[str, Any]) -> None:
        """Keep a document about the campaign, such as its plan, in place of an earlier one of this kind."""
        ...

    def remembered(self, name: str, what: str) -> dict[str, Any] | None:
        """The document of this kind, or ``None``."""
        ...

    def events(self, name: str) -> Sequence[CampaignEvent]:
        """What was changed, in order."""
        ...

    def permit(self, name: str, act: Act) -> Permit | CapReached | Halted:
        """Permission for one act, and its booking, in one transaction.

        A cap that only a person can raise stops the campaign (``STOPPED_AT_CAP``) in the same transaction.

        Raises:
            UnknownCampaign: there is none of this name.
        """
        ...

    def begin(self, name: str, act: Act) -> None:
        """Say that the act begins now, where doing it twice costs twice.

        If it dies and is tried again, its booking counts as spent, and the second try is booked beside it. An act that
        was never begun so is tried again under its first booking.
        """
        ...

    def may_go_on(self, name: str, ingest_id: str, kind: ActKind, *, begun: bool = True) -> Halted | None:
        """Whether an act that is under way may go on; asked often, writes nothing. Raises UnknownCampaign.

        Args:
            begun: ``False``: whether one that is not booked yet may be asked for.
        """
        ...

    def settle(self, name: str, act: Act, actual: Spend) -> bool:
        """Put the open booking of an act right. Settling again, or what was never booked, changes nothing.

        Returns:
            Whether a booking was settled.
        """
        ...

    def close(self, name: str, ingest_id: str) -> int:
        """Settle every open booking of an ingest that has ended at what was booked: nobody knows that it was less.

        Returns:
            How many there were.
        """
        ...

    def bookings(self, name: str, *, ingest_id: str | None = None) -> Iterator[Booking]:
        """Every booking (of one ingest), in the order they were made."""
        ...
