"""Which thaw tier a campaign uses, so that it ends by its deadline for the least money; and how it stands. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bagfill.planning.budget import Caps
from bagfill.planning.forecast import TierForecast
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import allowed_tiers

AUTO = "auto"
"""Where a campaign names a tier: the cheapest one with which it ends by its deadline."""

_DAY = 86_400.0
_LONGEST = timedelta(days=36_500)


class Standing(StrEnum):
    """How a campaign with a deadline stands."""

    ON_TIME = "on time"
    AT_RISK = "at risk"
    """By the forecast it ends after its deadline."""
    LATE = "late"
    """Its deadline is over, or it ended after it."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the rest of a campaign comes to with one thaw tier.

    Args:
        tier: that is asked for.
        waiting: seconds until the last thaw is over; nothing shortens them.
        working: seconds of copying and reading back, in the hours of the day that the caps left when it was planned.
        money: in the campaign's currency; ``None``: not known.
        bytes, requests: that count against the caps.
    """

    tier: ThawTier
    waiting: float
    working: float
    money: Decimal | None
    bytes: int
    requests: int

    def seconds(self, caps: Caps) -> float:
        """From now to the end, when the caps are kept to; infinite if they leave no room at all."""
        spans = [self.working]
        if caps.requests_a_second is not None:
            spans.append(_span(self.requests, caps.requests_a_second))
        if caps.bytes_a_day is not None:
            spans.append(_span(self.bytes, caps.bytes_a_day / _DAY))
        if caps.money_a_day is not None and self.money is not None:
            spans.append(_span(float(self.money), float(caps.money_a_day) / _DAY))
        return self.waiting + max(spans)


def prospect_of(tier: TierForecast, money: Decimal | None, size: int) -> Prospect:
    """A plan's forecast as a prospect.

    Args:
        tier: the forecast.
        money: what it comes to in the campaign's currency.
        size: bytes to copy.
    """
    total = tier.times.total.total_seconds()
    working = min(total, sum(step.seconds for step in tier.times.steps if step.step != "thaw"))
    requests = sum(line.quantity for line in tier.lines if line.unit == "requests")
    return Prospect(tier.tier, total - working, working, money, size, int(requests))


def cheapest_in_time(
    prospects: Collection[Prospect], caps: Caps, *, spent: Decimal, time_left: timedelta | None
) -> Prospect:
    """The cheapest prospect that ends in time; where none does, the fastest.

    One that would pass the cap of money is not chosen as long as another would not.

    Args:
        prospects: one or more, of the same work.
        caps: the campaign's.
        spent: what it has booked already.
        time_left: until its deadline; ``None``: it has none.
    """
    money_left = None if caps.money is None else caps.money - spent
    within = [each for each in prospects if money_left is None or each.money is None or each.money <= money_left]
    # The ledger holds the cap whatever is chosen; the cheapest carries most bags until it is reached.
    pool = within or [min(prospects, key=_dearness(prospects))]
    dear = _dearness(pool)
    if time_left is None:
        return min(pool, key=dear)
    in_time = [each for each in pool if each.seconds(caps) <= time_left.total_seconds()]
    return min(in_time, key=dear) if in_time else min(pool, key=lambda each: (each.seconds(caps), dear(each)))


def nearest_tier(prospects: Sequence[Prospect], tier: ThawTier) -> Prospect:
    """The prospect of this tier, else of the one that is next to it: a plan has those that make a difference.

    Args:
        prospects: one or more.
    """
    return min(prospects, key=lambda each: (abs(each.tier.speed - tier.speed), -each.tier.speed))


def worst_of(prospects: Collection[Prospect]) -> Prospect:
    """Several tiers for several classes: no longer and no dearer than this.

    Args:
        prospects: one or more; the result has the tier of the dearest.
    """
    moneys = [each.money for each in prospects if each.money is not None]
    return Prospect(
        tier=max(prospects, key=_dearness(prospects)).tier,
        waiting=max(each.waiting for each in prospects),
        working=max(each.working for each in prospects),
        money=max(moneys) if len(moneys) == len(prospects) else None,
        bytes=max(each.bytes for each in prospects),
        requests=max(each.requests for each in prospects),
    )


def tier_of_bag(by_class: Mapping[str, ThawTier], otherwise: ThawTier, classes: Collection[str]) -> ThawTier:
    """The tier to ask for when a bag's archived objects are of these classes.

    Args:
        by_class: tiers that were declared for classes.
        otherwise: for every other class.
        classes: the providers' own words.

    Returns:
        the fastest that is wanted for any of them, and that all of them have; if they have it not, the next slower one,
        else the slowest they have in common.
    """
    wanted = max((by_class.get(name, otherwise) for name in classes), key=_speed, default=otherwise)
    common = frozenset(ThawTier).intersection(*(allowed_tiers(name) for name in classes))
    slower = [tier for tier in common if tier.speed <= wanted.speed]
    return max(slower, key=_speed) if slower else min(common, key=_speed, default=wanted)


def end_after(begin: datetime, seconds: float) -> datetime | None:
    """When it ends; ``None``: never, or later than anybody plans."""
    return begin + timedelta(seconds=seconds) if seconds < _LONGEST.total_seconds() else None


def standing_of(
    deadline: datetime | None, *, now: datetime, ended: datetime | None, expected: datetime | None
) -> Standing | None:
    """How a campaign stands.

    Args:
        deadline: ``None``: it has none, and stands nowhere.
        now: the moment of the question.
        ended: when it was done; ``None``: it is not.
        expected: when it is forecast to end; ``None``: never.
    """
    if deadline is None:
        return None
    if (ended or now) > deadline:
        return Standing.LATE
    if ended is not None:
        return Standing.ON_TIME
    return Standing.AT_RISK if expected is None or expected > deadline else Standing.ON_TIME


def _span(amount: float, a_second: float) -> float:
    if not amount:
        return 0.0
    return amount / a_second if a_second else math.inf


def _speed(tier: ThawTier) -> int:
    return tier.speed


def _dearness(prospects: Collection[Prospect]) -> _Dearness:
    return _Dearness(any(each.money is None for each in prospects))


@dataclass(frozen=True, slots=True)
class _Dearness:
    """Sorts by money. Where some of it is not known, by speed: a slower tier is nowhere dearer."""

    unknown: bool

    def __call__(self, prospect: Prospect) -> tuple[Decimal, int]:
        money = Decimal(0) if self.unknown or prospect.money is None else prospect.money
        return money, prospect.tier.speed
