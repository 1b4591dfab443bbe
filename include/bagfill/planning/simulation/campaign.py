"""One campaign on a virtual clock: order, packing, waves, rates and budget are the code that real campaigns run."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count

from bagfill.planning.budget import Account, CapReached, Fits, Spend, book
from bagfill.planning.order import in_order
from bagfill.planning.simulation.acts import ActPrices
from bagfill.planning.simulation.bags import SimulatedBag
from bagfill.planning.simulation.pace import MeasuredPace
from bagfill.planning.simulation.pieces import BagToDo, Piece, candidate_of, cut_bag, pieces_of
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.simulation.record import Course, Sample
from bagfill.planning.simulation.thaws import Thaws
from bagfill.planning.simulation.world import World
from bagfill.thaw.tiers import thaw_times

START = datetime(2026, 1, 1, tzinfo=UTC)
_LOOK = 900.0
_SAMPLE_EVERY = 4
_ARCHIVED_PIECES = 10**9
"""Pieces of thawed bags are numbered from here, by bag and shard: both policies have the same luck with them."""

Event = tuple[float, int, Callable[[float], None]]


class SimulatedCampaign:
    """Runs one campaign to its end.

    Args:
        profile: what is simulated.
        bags: the collection.
        world: what it meets.
        looked: told each virtual day how much of the bytes is verified (0 to 1).
    """

    def __init__(
        self, profile: SimulationProfile, bags: list[SimulatedBag], world: World, looked: Callable[[float], None]
    ) -> None:
        self._profile, self._world, self._looked = profile, world, looked
        self._prices = ActPrices(profile.pair, profile.collection.archive_class, profile.tier)
        self._total = sum(bag.bytes for bag in bags)
        todo = [each for each in in_order(map(candidate_of, bags), profile.order) if isinstance(each, BagToDo)]
        archived = [each for each in todo if each.is_archived]
        self._warm: Iterator[Piece] = pieces_of((b for b in todo if not b.is_archived), profile.limits, 0)
        self._again: deque[Piece] = deque()
        self._thawed: list[tuple[float, int, Piece]] = []
        self._left: dict[int, int] = {}
        self._parked: dict[int, list[Piece]] = defaultdict(list)
        self._usual = thaw_times(profile.collection.archive_class, profile.tier).last
        self.course = Course()
        self._thaws = Thaws(
            world,
            self._prices,
            archived,
            order=profile.order,
            days=profile.days,
            usual=self._usual,
            spend=self._spend,
            later=self._thaw_later,
            course=self.course,
        )
        self._account = Account()
        self._pace = MeasuredPace(profile, max(1, sum(each.files for each in archived)) / max(1, len(archived)))
        self._events: list[Event] = []
        self._sequence = count()
        self._idle = profile.machines.workers
        self._paused_until = 0.0
        self._looks = 0

    def run(self) -> Course:
        """The course of the campaign, from its first request to its end."""
        self._later(0.0, self._look)
        now = 0.0
        while self._events:
            now, _, act = heappop(self._events)
            act(now)
            self._work(now)
        self.course.billed = self._world.bill()
        self._sample(self.course.seconds)
        return self.course

    def _look(self, now: float) -> None:
        pace = self._pace.now(now)
        if not self.course.stopped:
            self._thaws.prolong(now, pace)
            self._thaws.ask(now, pace)
        if self._looks % _SAMPLE_EVERY == 0:
            self._sample(now)
        if self._looks % 96 == 0:
            self._looked(self.course.bytes / self._total)
        self._looks += 1
        busy = self._idle < self._profile.machines.workers
        if busy or (not self.course.stopped and (self._thaws.open or self._thaws.waiting or self._paused_until > now)):
            self._later(now + _LOOK, self._look)

    def _work(self, now: float) -> None:
        while self._idle and not self.course.stopped and now >= self._paused_until:
            piece = self._next_piece()
            if piece is None:
                return
            if not self._begin(now, piece):
                self._put_back(piece)
                return

    def _next_piece(self) -> Piece | None:
        """What is thawed goes before what is warm: it does not last."""
        while self._thawed:
            piece = heappop(self._thawed)[2]
            if self._thaws.open[piece.bag].ready:
                return piece
            self._parked[piece.bag].append(piece)
        return self._again.popleft() if self._again else next(self._warm, None)

    def _put_back(self, piece: Piece) -> None:
        opened = self._thaws.open.get(piece.bag) if piece.number >= _ARCHIVED_PIECES else None
        if opened is None:
            self._again.append(piece)
        else:
            heappush(self._thawed, (opened.expires, next(self._sequence), piece))

    def _begin(self, now: float, piece: Piece) -> bool:
        requests = self._world.requests(piece.files, piece.bytes)
        money = self._prices.copy(piece.files, piece.bytes, requests) + self._prices.keep(piece.bytes)
        spend = Spend(money + self._prices.verify(piece.files, piece.bytes), piece.bytes, requests + piece.files)
        wait = self._book(now, spend)
        if wait is None:
            return False
        booked_on = self._account.day or START.date()
        copying = self._world.work_seconds(piece.files, piece.bytes, piece.number, 2 * piece.attempt)
        reading = self._world.work_seconds(piece.files, piece.bytes, piece.number, 2 * piece.attempt + 1)
        fails = self._world.fails_at(piece.number, piece.attempt)
        seconds = (copying + reading) * (1.0 if fails is None else fails)
        self._idle -= 1
        self.course.busy_seconds += seconds
        self._later(now + wait + seconds, lambda ended: self._end(ended, piece, seconds, fails, spend, booked_on))
        return True

    def _end(
        self, now: float, piece: Piece, seconds: float, fails: float | None, booked: Spend, booked_on: date
    ) -> None:
        self._idle += 1
        self.course.pieces += 1
        self.course.seconds = max(self.course.seconds, now)
        done = 2.0 if fails is None else 2 * fails
        copied, read = min(1.0, done), max(0.0, done - 1)
        self._world.copied(now, piece.files, piece.bytes, share=copied)
        if copied == 1.0 and not piece.attempt:
            self._world.kept(now, piece.bytes)
        self._world.read_back(now, piece.files, piece.bytes, share=read)
        self._settle(piece, copied, read, booked, booked_on)
        opened = self._thaws.open.get(piece.bag) if piece.number >= _ARCHIVED_PIECES else None
        if opened is not None and opened.expires <= now:
            self._expired(now, piece)
            return
        if fails is not None:
            self.course.failures += 1
            piece.attempt += 1
            self._put_back(piece)
            return
        self._pace.learn(now, 2 * piece.files, 2 * piece.bytes, seconds)
        self.course.bytes += piece.bytes
        self.course.bags += piece.bags if opened is None else 0
        if opened is not None:
            self._left[piece.bag] -= 1
            ended = not self._left[piece.bag]
            self.course.bags += ended
            self._thaws.verified(piece.bag, piece.bytes, ended=ended)

    def _settle(self, piece: Piece, copied: float, read: float, booked: Spend, booked_on: date) -> None:
        requests = self._world.requests(piece.files, piece.bytes)
        money = self._prices.copy(piece.files, piece.bytes, requests) * Decimal(copied)
        money += self._prices.verify(piece.files, piece.bytes) * Decimal(read)
        money += self._prices.keep(piece.bytes) if copied == 1.0 else 0
        self._account = self._account.settled(booked, replace(booked, money=money), booked_on)

    def _expired(self, now: float, piece: Piece) -> None:
        opened = self._thaws.open[piece.bag]
        if not opened.expired:
            opened.expired = True
            self.course.expired += 1
            opened.ready = False
            # Once for the bag; its other pieces wait for the new copies too. What does not fit now is tried again.
            self._lost(now, piece.bag)
        piece.attempt += 1
        self._put_back(piece)

    def _thaw_later(self, moment: float, number: int, readable: bool) -> None:
        self._later(
            moment, (lambda now: self._readable(now, number)) if readable else lambda now: self._lost(now, number)
        )

    def _readable(self, _now: float, number: int) -> None:
        opened = self._thaws.readable(number)
        if number in self._left:
            for piece in self._parked.pop(number, ()):
                self._put_back(piece)
            return
        shards = cut_bag(opened.bag, self._profile.limits)
        self._left[number] = len(shards)
        for place, (files, size) in enumerate(shards):
            piece = Piece(_ARCHIVED_PIECES + number * 1024 + place, number, files, size)
            heappush(self._thawed, (opened.expires, next(self._sequence), piece))

    def _lost(self, now: float, number: int) -> None:
        if not self._thaws.ask_again(now, number) and not self.course.stopped:
            self._later(max(now, self._paused_until) + _LOOK, lambda then: self._lost(then, number))

    def _spend(self, now: float, money: Decimal, requests: int, *, prolongs: bool = False) -> bool:
        if now < self._paused_until and not prolongs:
            return False
        return self._book(now, Spend(money, 0, requests), at_any_hour=prolongs) is not None

    def _book(self, now: float, spend: Spend, *, at_any_hour: bool = False) -> float | None:
        """How long to wait before the act, or ``None`` when it may not be done now."""
        moment = START + timedelta(seconds=now)
        answer = book(self._profile.caps, self._account, spend, moment, at_any_hour=at_any_hour)
        self._account = answer.account
        match answer:
            case Fits():
                return answer.wait.total_seconds()
            case CapReached(again=None):
                self.course.stopped = str(answer)
            case CapReached(again=again):
                assert again is not None  # noqa: S101 - the case above
                self._paused_until = (again - START).total_seconds()
                self._later(self._paused_until, lambda _: None)
        return None

    def _later(self, moment: float, act: Callable[[float], None]) -> None:
        heappush(self._events, (moment, next(self._sequence), act))

    def _sample(self, now: float) -> None:
        thaws, busy = self._thaws, self._profile.machines.workers - self._idle
        thawed = thaws.open_bytes - thaws.thawing_bytes
        money = (self._world.bill(), self._account.total.money)
        asked = thaws.asked_bytes(now)
        self.course.samples.append(Sample(now, self.course.bytes, asked, max(0, thawed), *money, busy))
