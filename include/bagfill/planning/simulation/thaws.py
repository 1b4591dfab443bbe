"""The thaws of a simulated campaign: asked for in waves, looked at, prolonged, asked for again."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import islice
from typing import Protocol

from bagfill.planning.order import Order, Places, begin_now
from bagfill.planning.simulation.acts import ActPrices
from bagfill.planning.simulation.bags import SimulatedBag
from bagfill.planning.simulation.pieces import BagToDo
from bagfill.planning.simulation.record import Course
from bagfill.planning.simulation.world import World
from bagfill.planning.waves import DAY, WavePace, cut_waves, ends_too_soon, prolong_horizon

_OVERDUE = 3
"""Times the usual longest, after which a thaw is taken for lost and asked for again."""


class Spend(Protocol):
    """Books money and requests at a moment; whether it fitted."""

    def __call__(self, now: float, money: Decimal, requests: int, *, prolongs: bool = False) -> bool:
        """See the class; what prolongs is booked at any hour."""
        ...


@dataclass(slots=True)
class ThawedBag:
    """An archived bag that was asked for and is not verified.

    Args:
        todo: the bag.
        days: its copies were asked to live.
        attempt: how often it was asked for before.
        expires: when its copies go away; infinite while they are not there.
        expired: whether they went away.
        ready: whether they can be read.
    """

    todo: BagToDo
    days: int
    attempt: int = 0
    expires: float = math.inf
    expired: bool = False
    ready: bool = False

    @property
    def bag(self) -> SimulatedBag:
        """What it is."""
        return self.todo.made


class Thaws:
    """Asks for archived bags so that their copies outlive their verification.

    Args:
        world: what answers.
        prices: of acts.
        archived: bags in the campaign's order.
        order: that order.
        days: the least that copies live.
        usual: the longest that a thaw usually takes.
        spend: books before anything is asked.
        later: has a bag's readiness (``True``) or its deadline (``False``) come at a moment.
        course: figures.
    """

    def __init__(
        self,
        world: World,
        prices: ActPrices,
        archived: Sequence[BagToDo],
        *,
        order: Order,
        days: int,
        usual: timedelta,
        spend: Spend,
        later: Callable[[float, int, bool], None],
        course: Course,
    ) -> None:
        self._world, self._prices, self._order, self._days, self._usual = world, prices, order, days, usual
        self._spend, self._later, self._course = spend, later, course
        self._waiting: deque[BagToDo] = deque(archived)
        self._asked_until = 0.0
        self._ends: list[tuple[float, int]] = []
        self.open: dict[int, ThawedBag] = {}
        self.open_bytes = 0
        self.thawing_bytes = 0
        # Booked, and to be asked for when the requests before them went out.
        self._booked: deque[tuple[float, int]] = deque()
        self._booked_bytes = 0

    @property
    def waiting(self) -> bool:
        """Whether there are bags that nobody asked for yet."""
        return bool(self._waiting)

    def asked_bytes(self, now: float) -> int:
        """Bytes whose request went out, and that cannot be read yet."""
        while self._booked and self._booked[0][0] <= now:
            self._booked_bytes -= self._booked.popleft()[1]
        return max(0, self.thawing_bytes - self._booked_bytes)

    def ask(self, now: float, pace: WavePace) -> None:
        """Ask for the next wave, if it would become readable when what was asked for is nearly done."""
        while self._waiting and self._asked_until <= now:
            if pace.working(len(self.open), self.open_bytes) > pace.readable_after.total_seconds():
                return
            wave = next(cut_waves((each.archived_bytes for each in self._waiting), pace, days=self._days))
            begun = begin_now(islice(self._waiting, wave.count), self._order, Places(warm=0, thawing=wave.count))
            for place, todo in enumerate(begun):
                if not isinstance(todo, BagToDo) or not self._ask(now, ThawedBag(todo, wave.days)):
                    break
                self._waiting.popleft()
                if not place:
                    self._course.waves += 1
            else:
                continue
            return

    def ask_again(self, now: float, number: int) -> bool:
        """A thaw is overdue, or its copies went away: ask once more. Whether it fitted the budget."""
        old = self.open[number]
        if not self._ask(now, ThawedBag(old.todo, old.days, old.attempt + 1), again=True):
            return False
        self._course.asked_again += 1
        if not math.isinf(old.expires):
            # What was readable is thawing again; an overdue one counts as thawing already.
            self.thawing_bytes += old.bag.archived_bytes
        return True

    def readable(self, number: int) -> ThawedBag:
        """The bag can be read from now on."""
        opened = self.open[number]
        opened.ready = True
        self.thawing_bytes -= opened.bag.archived_bytes
        heappush(self._ends, (opened.expires, number))
        return opened

    def verified(self, number: int, size: int, *, ended: bool) -> None:
        """So much of a bag is verified; with ``ended`` the whole of it."""
        self.open_bytes -= size
        if ended:
            del self.open[number]

    def prolong(self, now: float, pace: WavePace) -> None:
        """Prolong copies that would go away before everything that was asked for is verified."""
        left = timedelta(seconds=pace.left(len(self.open), self.open_bytes))
        horizon = now + prolong_horizon(self._days).total_seconds()
        seen: list[tuple[float, int]] = []
        while self._ends and self._ends[0][0] < horizon:
            expires, number = heappop(self._ends)
            opened = self.open.get(number)
            if opened is None or opened.expires != expires or expires <= now:
                continue
            bag = opened.bag
            if ends_too_soon(timedelta(seconds=expires - now), left):
                money = self._prices.thaw(bag.archived_files, bag.archived_bytes, opened.days, prolong=True)
                if self._spend(now, money, bag.archived_files, prolongs=True):
                    self._world.thawed(now, bag.archived_files, bag.archived_bytes, opened.days, again=True)
                    opened.expires = now + opened.days * DAY
                    self._course.prolonged += 1
            seen.append((opened.expires, number))
        for each in seen:
            heappush(self._ends, each)

    def _ask(self, now: float, asking: ThawedBag, *, again: bool = False) -> bool:
        bag, world = asking.bag, self._world
        money = self._prices.thaw(bag.archived_files, bag.archived_bytes, asking.days)
        if not self._spend(now, money, bag.archived_files):
            return False
        asked = max(now, self._asked_until) + world.asking_seconds(bag, asking.attempt)
        self._asked_until = asked
        world.thawed(asked, bag.archived_files, bag.archived_bytes, asking.days)
        self.open[bag.number] = asking
        if not again:
            self.open_bytes += bag.bytes
            self.thawing_bytes += bag.archived_bytes
            self._booked.append((asked, bag.archived_bytes))
            self._booked_bytes += bag.archived_bytes
        readable = asked + world.thaw_seconds(bag, asking.attempt)
        if math.isinf(readable):
            self._later(asked + _OVERDUE * self._usual.total_seconds(), bag.number, False)
        else:
            asking.expires = world.expiry(bag, asking.attempt, asked=asked, readable=readable, days=asking.days)
            self._later(readable, bag.number, True)
        return True
