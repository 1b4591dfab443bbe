"""A campaign: a sweep with a scope, a budget and a deadline, as a record in the registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.planning.budget import Account, Caps, DayHours
from bagfill.planning.order import Order

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bags a campaign is about; everything that is missing at its destination, narrowed by what is given.

    Args:
        spaces: only these spaces.
        bags: only these bags, as ``space/external identifier``.
        prefix: only bags whose ``space/external identifier`` begins so.
    """

    spaces: tuple[str, ...] = ()
    bags: tuple[str, ...] = ()
    prefix: str = ""
    _named: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """A list may name every bag of a library: it is looked up, never gone through."""
        object.__setattr__(self, "_named", frozenset(self.bags))

    def holds(self, bag: BagId) -> bool:
        """Whether the bag is part of it."""
        name = str(bag)
        return (
            (not self.spaces or str(bag.space) in self.spaces)
            and (not self.bags or name in self._named)
            and name.startswith(self.prefix)
        )

    def __str__(self) -> str:
        """In words."""
        parts = [f"{len(self.bags)} {'bag' if len(self.bags) == 1 else 'bags'}"] if self.bags else []
        parts += [f"{'space' if len(self.spaces) == 1 else 'spaces'} {', '.join(self.spaces)}"] if self.spaces else []
        parts += [f"bags that begin with {self.prefix}"] if self.prefix else []
        return "; ".join(parts) or "every bag"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a campaign is to do; never changed after it was created.

    Args:
        scope: which bags.
        destination: name of the location that gains replicas.
        source: name of the location that is read where a bag is there; ``None``: each version's primary.
        thaw_tier: how fast archived objects are thawed: a tier, or ``auto``: the cheapest that makes the deadline;
            ``None``: as the source location says.
        thaw_days: how long thawed copies live; ``None``: as the source location says.
        deadline: by when it should be done.
        order: which bags go first.
        currency: of every amount of money in its caps and bookings (ISO 4217).
        unknown_prices: whether what has no known price may be done all the same, booked as free.
        thaw_tiers: tiers of single storage classes, in the provider's own words; before ``thaw_tier``.
        after_deadline: whether bags are begun when the deadline is over.
        priorities: of bags, as ``space/external identifier``, or of whole spaces; higher goes first with
            ``Order.PRIORITY``.
    """

    scope: Scope
    destination: str
    source: str | None = None
    thaw_tier: str | None = None
    thaw_days: int | None = None
    deadline: datetime | None = None
    order: Order = Order.SMALLEST_FIRST
    currency: str = "USD"
    unknown_prices: bool = False
    thaw_tiers: Mapping[str, str] = field(default_factory=dict)
    after_deadline: AfterDeadline = AfterDeadline.GO_ON
    priorities: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would be understood by nobody."""
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"currency: found {self.currency!r}, needed are three letters, such as USD")
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise ValueError(f"deadline: {self.deadline.isoformat()} has no time zone")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "scope": {"spaces": list(self.scope.spaces), "bags": list(self.scope.bags), "prefix": self.scope.prefix},
            "destination": self.destination,
            "source": self.source,
            "thaw_tier": self.thaw_tier,
            "thaw_days": self.thaw_days,
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
            "order": self.order.value,
            "currency": self.currency,
            "unknown_prices": self.unknown_prices,
            "thaw_tiers": dict(self.thaw_tiers),
            "after_deadline": self.after_deadline.value,
            "priorities": dict(self.priorities),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        scope, deadline = values["scope"], values["deadline"]
        return cls(
            **{
                **values,
                "scope": Scope(tuple(scope["spaces"]), tuple(scope["bags"]), scope["prefix"]),
                "deadline": None if deadline is None else datetime.fromisoformat(deadline),
                "order": Order(values["order"]),
                # Records from before there was a choice have none.
                "after_deadline": AfterDeadline(values.get("after_deadline", AfterDeadline.GO_ON)),
            }
        )


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as it is.

    Args:
        name: lower-case letters, digits and hyphens; never used twice.
        definition: what it is to do.
        caps: what it may not pass.
        created: timezone-aware.
        state: see :class:`CampaignState`.
        why: what brought it into this state, in words.
        revision: grows with every change of state or caps; a change names the one it was decided on.
        account: what it has booked.
        changed: when state or caps were changed last.
    """

    name: str
    definition: Definition
    caps: Caps
    created: datetime
    state: CampaignState = CampaignState.DRAFT
    why: str = ""
    revision: int = 0
    account: Account = field(default_factory=Account)
    changed: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse names that could not stand in a command or a run id."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name: found {self.name!r}, needed are lower-case letters, digits and hyphens, at most 63"
            )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "name": self.name,
            **self.definition.to_json(),
            "caps": caps_to_json(self.caps),
            "state": self.state.value,
            "why": self.why,
            "created": self.created.isoformat(),
            "changed": None if self.changed is None else self.changed.isoformat(),
            "booked": self.account.total.to_json(),
            "booked_today": self.account.today.to_json(),
            "clock_seen": None if self.account.seen is None else self.account.seen.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """One change of a campaign: who did what, when and why. Never edited."""

    at: datetime
    who: str
    what: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"at": self.at.isoformat(), "who": self.who, "what": self.what}


def caps_to_json(caps: Caps) -> dict[str, Any]:
    """Caps as plain JSON values; money as text."""
    return {
        "money": None if caps.money is None else str(caps.money),
        "money_a_day": None if caps.money_a_day is None else str(caps.money_a_day),
        "bytes_a_day": caps.bytes_a_day,
        "requests_a_second": caps.requests_a_second,
        "runs_at_once": caps.runs_at_once,
        "hours": None if caps.hours is None else str(caps.hours),
    }


def caps_from_json(values: Mapping[str, Any]) -> Caps:
    """The inverse of :func:`caps_to_json`."""
    money, money_a_day, hours = values["money"], values["money_a_day"], values["hours"]
    return Caps(
        money=None if money is None else Decimal(money),
        money_a_day=None if money_a_day is None else Decimal(money_a_day),
        bytes_a_day=values["bytes_a_day"],
        requests_a_second=values["requests_a_second"],
        runs_at_once=values["runs_at_once"],
        hours=None if hours is None else DayHours.parse(hours),
    )
