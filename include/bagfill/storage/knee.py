"""How many requests in flight still bring more throughput: the knee of a location's curve.

A busy provider may refuse nobody and only answer later. So what is done a second with so many requests in flight is
held against the next smaller and the next larger number: twice as many have to bring a quarter more, or they only wait.
That is how BBR finds a full pipe, and goes on looking (draft-ietf-ccwg-bbr, Startup and ProbeBW). Pure arithmetic.

Requests differ, so what is done is counted in the usual times of requests alike; and where N requests in flight take R
each, N / R are done in a second (Little's law). So only the times of answers are looked at, and idle time says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

LEAST = 8
"""Requests in flight that latency alone never goes below; where it begins. As many as one task has by default: to hold
threads back that are there costs more processor time than it saves anybody."""
_STEP = 2**0.5
"""Between the numbers that are held against each other."""
_WORTH = 0.3219
"""log2(1.25): throughput has to grow with this power of the requests in flight."""
_MEMORY = 256
"""Answers of one number in flight, after which those so far count for half."""
_USUAL_MEMORY = 2048
"""Answers that a usual time remembers: far more, or it would follow what it is the measure for."""
_FAR = 8.0
"""Times what was expected: longer ones count as so much, since one straggler says nothing of the others."""
_CERTAIN = 4.0
"""Square of the standard errors by which two throughputs have to differ."""
_UNDECIDED = 16
"""Rounds after which a difference that is still uncertain counts as none."""
_LONGEST_REST = 16
"""Rounds between two looks at other numbers in flight."""
_INSTANT = 1e-6


class Kind(IntEnum):
    """Requests whose times can be held against each other, if their sizes are about the same."""

    LOOK = 0
    LIST = 1
    READ = 2
    WRITE = 3
    COMMIT = 4
    FETCH = 5
    THAW = 6


@dataclass(slots=True)
class _Meter:
    """What was done with so many requests in flight.

    Args:
        requests: in flight.
        worth: throughput that they have to bring, compared with one request.
        answers: that the sums are of; older ones count for less.
        fresh: answers since it was last judged; negative while those that began before are still under way.
        enough: fresh answers to judge it by.
        work: usual times of the requests, in seconds.
        taken: the times they took, each divided by the requests in flight.
        spread: squares of how far each was from the expected time, as a part of it.
    """

    requests: int
    worth: float
    enough: int
    answers: float = 0.0
    fresh: int = 0
    work: float = 0.0
    taken: float = 0.0
    spread: float = 0.0

    @property
    def merit(self) -> float:
        """Throughput as a part of what so many requests have to bring."""
        return self.work / (self.taken * self.worth)

    @property
    def error(self) -> float:
        """Square of the standard error of the throughput, as a part of it."""
        return self.spread / self.answers**2

    def begin(self) -> None:
        """Measure anew. The first round is left out: of requests that began together the quickest end first."""
        self.answers = self.work = self.taken = self.spread = 0.0
        self.fresh = -self.requests

    def fade(self) -> None:
        """Let what was measured so far count for half."""
        self.answers /= 2
        self.work /= 2
        self.taken /= 2
        self.spread /= 2


class Knee:
    """Finds the number of requests in flight from the times of answers. Not safe to use from several threads.

    Args:
        most: never more than this.
    """

    __slots__ = ("_at", "_climbs", "_left", "_meters", "_rest", "_rung_of", "_tried", "_up", "_usual", "ceiling")

    def __init__(self, most: int) -> None:
        sizes = _rungs(most)
        self._meters = [_Meter(size, size**_WORTH, size) for size in sizes]
        self._rung_of = [next(rung for rung, size in enumerate(sizes) if size >= n) for n in range(sizes[-1] + 1)]
        self._usual: dict[int, list[float]] = {}
        self._at = self._tried = 0
        # It begins by doubling, until that brings too little.
        self._climbs = self._up = True
        self._rest = self._left = 1
        self.ceiling = sizes[0]
        """Requests that may be in flight, as far as latency goes."""

    def answered(self, in_flight: int, kind: Kind, size: int, seconds: float) -> None:
        """A request went well.

        Args:
            in_flight: requests, this one included, when it began. Fewer than the least say nothing.
            kind, size: of the request; its bytes, or the items of a page.
            seconds: for which the provider was waited for.
        """
        if in_flight < LEAST:
            return
        rungs = self._rung_of
        rung = rungs[in_flight] if in_flight < len(rungs) else rungs[-1]
        meter = self._meters[rung]
        meter.fresh = fresh = meter.fresh + 1
        if fresh <= 0:
            return
        taken = max(_INSTANT, seconds) / in_flight
        answers = meter.answers
        known = meter if answers else self._meters[self._at]
        rate = known.work / known.taken if known.answers else 1.0
        alike = kind * 64 + size.bit_length()
        usual = self._usual.get(alike)
        if usual is None:
            work = taken * rate
            self._usual[alike] = [work, 1.0]
        else:
            work, times = usual
            if taken * rate > _FAR * work:
                taken = _FAR * work / rate
            off = taken * rate - work
            if answers:
                # A number in flight whose first answers these are tells nothing yet of how slow it makes requests.
                if times < _USUAL_MEMORY:
                    usual[1] = times = times + 1.0
                usual[0] = work + off / times
            off /= work
            meter.spread += off * off
        meter.work += work
        meter.taken += taken
        meter.answers = answers = answers + 1
        if answers >= _MEMORY:
            meter.fade()
        if fresh >= meter.enough:
            self._judge(rung)

    def _judge(self, rung: int) -> None:
        here, there = self._meters[self._at], self._meters[rung]
        if not here.answers:
            self._at = rung
        if rung == self._at:
            there.fresh = 0
            if rung == self._tried:
                self._left -= 1
                if self._left <= 0:
                    self._try_next()
            return
        if rung < self._at and rung != self._tried:
            return
        gain = there.merit / here.merit - 1.0
        is_certain = gain * gain >= _CERTAIN * (here.error + there.error)
        if is_certain or self._climbs or there.fresh >= _UNDECIDED * there.requests:
            there.fresh = 0
            self._settle(rung, is_better=is_certain and gain > 0)

    def _settle(self, rung: int, *, is_better: bool) -> None:
        """A number was tried: on from there, or back, and the other way later."""
        self._up = (rung > self._at) == is_better
        if is_better:
            self._at, self._rest = rung, 1
            self._try_next()
        else:
            self._stop_climbing()
            self._rest = self._left = min(_LONGEST_REST, 2 * self._rest)
            self._allow(self._at)

    def _try_next(self) -> None:
        last = len(self._meters) - 1
        if self._at == (last if self._up else 0):
            self._up = not self._up
            self._stop_climbing()
        step = (2 if self._climbs else 1) * (1 if self._up else -1)
        rung = max(0, min(last, self._at + step))
        if rung != self._at:
            self._meters[rung].begin()
        self._allow(rung)

    def _stop_climbing(self) -> None:
        if self._climbs:
            self._climbs = False
            for meter in self._meters:
                meter.enough = 2 * meter.requests

    def _allow(self, rung: int) -> None:
        self._tried = rung
        self.ceiling = self._meters[rung].requests


def _rungs(most: int) -> list[int]:
    sizes = [min(LEAST, max(1, most))]
    while sizes[-1] < most:
        sizes.append(min(most, round(LEAST * _STEP ** len(sizes))))
    return sizes
