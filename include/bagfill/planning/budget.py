"""Budgets: what a campaign may spend, what it has spent, and whether one more act fits. Pure arithmetic.

Two things make a cap hold. Spend is booked before the act, at the most it can come to, and put right afterwards. And
time only goes forward here: an account remembers the latest moment it was ever asked at, and an earlier one counts as
that moment. A clock that jumps back, or a machine whose clock is behind, therefore opens no day twice; one that jumps
ahead by a month opens one new day, not thirty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Any, Self

NOTHING = Decimal(0)
_FINEST = Decimal("1e-9")
_MOST = Decimal("1e15")


@dataclass(frozen=True, slots=True)
class Spend:
    """What an act costs.

    Args:
        money: in the currency of the campaign; rounded up to a billionth, so that every sum is exact.
        bytes: that are copied. Counted once, however often they are read on the way.
        requests: sent to providers.
    """

    money: Decimal = NOTHING
    bytes: int = 0
    requests: int = 0

    def __post_init__(self) -> None:
        """Refuse what would give budget back, and what no sum could hold."""
        if not (self.money.is_finite() and 0 <= self.money < _MOST) or self.bytes < 0 or self.requests < 0:
            raise ValueError(f"spend is never negative or infinite: {self}")
        if self.money != NOTHING:
            object.__setattr__(self, "money", self.money.quantize(_FINEST, ROUND_UP).normalize())

    def __add__(self, other: Spend) -> Spend:
        """Both together."""
        return Spend(self.money + other.money, self.bytes + other.bytes, self.requests + other.requests)

    def less(self, other: Spend) -> Spend:
        """What remains when ``other`` is taken away; nothing goes below zero."""
        money = max(NOTHING, self.money - other.money)
        return Spend(money, max(0, self.bytes - other.bytes), max(0, self.requests - other.requests))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; money as text, so that no digit is lost."""
        return {"money": str(self.money), "bytes": self.bytes, "requests": self.requests}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(Decimal(values["money"]), int(values["bytes"]), int(values["requests"]))


@dataclass(frozen=True, slots=True)
class DayHours:
    """Hours of the day (UTC) in which work may be done: from ``first`` to ``last``, which is not part of them.

    ``22`` to ``6`` passes midnight.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse hours that do not exist, and a span that is empty or the whole day."""
        if not (0 <= self.first <= 23 and 0 <= self.last <= 24) or self.first == self.last % 24:
            raise ValueError(f"hours of the day go from 0…23 to 0…24, and are not the whole day: {self}")

    def __str__(self) -> str:
        """As it is written in options: ``22-6``."""
        return f"{self.first}-{self.last}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of ``str``. Raises ValueError with what is needed."""
        first, dash, last = text.partition("-")
        if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
            raise ValueError(f"{text!r} are no hours of the day; write 22-6 (UTC)")
        return cls(int(first), int(last))

    def contain(self, moment: datetime) -> bool:
        """Whether work may be done at this moment."""
        hour = moment.astimezone(UTC).hour
        if self.first < self.last:
            return self.first <= hour < self.last
        return hour >= self.first or hour < self.last

    @property
    def seconds(self) -> float:
        """How long they are."""
        return ((self.last - self.first) % 24 or 24) * 3600.0

    def next_after(self, moment: datetime) -> datetime:
        """When they begin the next time after ``moment``."""
        utc = moment.astimezone(UTC)
        begin = utc.replace(hour=self.first, minute=0, second=0, microsecond=0)
        return begin if begin > utc else begin + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a campaign may not pass; ``None``: no cap.

    Args:
        money: in all.
        money_a_day, bytes_a_day: within one day (UTC).
        requests_a_second: to providers, of all tasks together.
        runs_at_once: bags in work at the same time.
        hours: of the day in which acts may begin.
    """

    money: Decimal | None = None
    money_a_day: Decimal | None = None
    bytes_a_day: int | None = None
    requests_a_second: float | None = None
    runs_at_once: int | None = None
    hours: DayHours | None = None

    def __post_init__(self) -> None:
        """Refuse caps that are no caps."""
        for name in ("money", "money_a_day"):
            value = getattr(self, name)
            if value is not None and (not value.is_finite() or value < 0):
                raise ValueError(f"{name}: found {value}, needed is an amount that is not negative")
        for name, least in (("bytes_a_day", 0), ("runs_at_once", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}: found {value}, needed is {least} or more")
        if self.requests_a_second is not None and not 0 < self.requests_a_second < float("inf"):
            raise ValueError(f"requests_a_second: found {self.requests_a_second}, needed is more than 0")


class Cap(StrEnum):
    """Which cap would be passed."""

    MONEY = "money"
    MONEY_A_DAY = "money a day"
    BYTES_A_DAY = "bytes a day"
    HOURS = "hours of the day"


@dataclass(frozen=True, slots=True)
class Account:
    """What a campaign has booked.

    Args:
        total: ever.
        seen: the latest moment at which it was asked; ``None`` before the first time.
        today: of ``total``, what was booked on the day of ``seen``.
        free_from: before this moment no further request fits the rate.
    """

    total: Spend = Spend()
    seen: datetime | None = None
    today: Spend = Spend()
    free_from: datetime | None = None

    @property
    def day(self) -> date | None:
        """The day (UTC) that ``today`` is about."""
        return None if self.seen is None else self.seen.astimezone(UTC).date()

    def at(self, moment: datetime) -> Account:
        """The account as it is at ``moment``, or at the latest moment known if that is later."""
        if self.seen is not None and moment <= self.seen:
            return self
        turned = replace(self, seen=moment)
        return turned if turned.day == self.day else replace(turned, today=Spend())

    def settled(self, booked: Spend, actual: Spend, booked_on: date) -> Account:
        """The account after an act that was booked turned out to cost ``actual``.

        Args:
            booked_on: the day of the booking: what was not used is given back to that day only.
        """
        total = self.total.less(booked) + actual
        return replace(
            self, total=total, today=self.today.less(booked) + actual if booked_on == self.day else self.today
        )


@dataclass(frozen=True, slots=True)
class Fits:
    """The act may be done.

    Args:
        account: with the act booked.
        wait: how long to wait before it, so that the requests of all tasks keep to the rate.
    """

    account: Account
    wait: timedelta


@dataclass(frozen=True, slots=True)
class CapReached:
    """The act may not be done now; nothing was booked.

    Args:
        cap: which would be passed.
        limit, booked, asked: in words, with units.
        again: when it may fit; ``None``: not before somebody raises the cap.
        account: as it is at that moment.
    """

    cap: Cap
    limit: str
    booked: str
    asked: str
    again: datetime | None
    account: Account

    def __str__(self) -> str:
        """One sentence for a person."""
        text = f"cap reached: {self.cap} is {self.limit}, booked are {self.booked}, needed are {self.asked} more"
        return text if self.again is None else f"{text}; may go on from {self.again:%Y-%m-%dT%H:%M:%SZ}"


def book(
    caps: Caps, account: Account, spend: Spend, moment: datetime, *, at_any_hour: bool = False
) -> Fits | CapReached:
    """Whether ``spend`` fits, and the account with it.

    Args:
        spend: the most that the act can come to.
        moment: by the clock of whoever asks; timezone-aware.
        at_any_hour: for what moves no bytes and cannot wait: a copy that is to be prolonged may end before they begin.
    """
    now = account.at(moment)
    seen = now.seen or moment
    if caps.hours is not None and not at_any_hour and not caps.hours.contain(seen):
        opening = caps.hours.next_after(seen)
        return CapReached(Cap.HOURS, str(caps.hours), f"{seen:%H:%M} UTC", "hours", opening, now)
    tomorrow = (seen.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    checks: tuple[tuple[Cap, Decimal | int | None, Decimal | int, Decimal | int], ...] = (
        (Cap.MONEY, caps.money, now.total.money, spend.money),
        (Cap.MONEY_A_DAY, caps.money_a_day, now.today.money, spend.money),
        (Cap.BYTES_A_DAY, caps.bytes_a_day, now.today.bytes, spend.bytes),
    )
    for cap, limit, booked, asked in checks:
        if limit is not None and asked > 0 and booked + asked > limit:
            # What is more than a whole day allows will not fit tomorrow either.
            again = None if cap is Cap.MONEY or asked > limit else tomorrow
            return CapReached(cap, str(limit), str(booked), str(asked), again, now)
    start = seen if now.free_from is None else max(seen, now.free_from)
    busy = timedelta(seconds=spend.requests / caps.requests_a_second) if caps.requests_a_second else timedelta(0)
    booked_account = replace(now, total=now.total + spend, today=now.today + spend)
    if busy:
        booked_account = replace(booked_account, free_from=start + busy)
        return Fits(booked_account, start - seen)
    return Fits(booked_account, timedelta(0))
