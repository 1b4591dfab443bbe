"""How fast copying and reading back are: declared in the settings, or learnt from shards between the same locations.

What is learnt has to bear what happens: an hour in which a provider throttled, a shard whose machine slept, files that
came from a cache. So the shape of the rate (seconds a file against seconds a byte) is the one that a weighted *median*
likes best, and its scale a mean from which the longest shards are cut, since a total of many shards is what plans ask
for. The newest shards weigh most: what was measured half a life earlier counts half.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LEAST_SHARDS = 10
"""With fewer, what is declared counts."""
HALF_LIFE = timedelta(days=14)
"""Reckoned from the newest shard, not from today: what is known from last year is still the best that is known."""
_CUT = 4.0
"""A shard that took so many times as long as one like it usually does counts as if it had taken so many times."""
_BETTER = 0.95
"""Another shape has to fit so much better than the declared one: shards that are all alike say nothing about shapes."""
_SOME_SECONDS = 0.01


class Activity(StrEnum):
    """What a worker spends its time on."""

    COPY = "copy"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Rate:
    """How long one worker takes: ``files · seconds_a_file + bytes · seconds_a_byte``.

    Args:
        measured: shards that it was learnt from; 0: declared.
        until: when the newest of them ended.
        at_once: workers that were busy with them at the same time, on average. With many more of them each may be
            slower, which nobody has measured.
    """

    seconds_a_file: float
    seconds_a_byte: float
    measured: int = 0
    until: datetime | None = None
    at_once: float = 0.0

    def seconds(self, files: int, size: int) -> float:
        """Worker seconds for so many files and bytes."""
        return files * self.seconds_a_file + size * self.seconds_a_byte


@dataclass(frozen=True, slots=True)
class ShardTiming:
    """What one shard took, the moments included in which its worker waited for the provider.

    Args:
        files, bytes: that were moved.
        seconds: of one worker. A worker that has several shards in hand shares its time among them.
        ended: when; timezone-aware.
        lasted: seconds from beginning to end.
    """

    files: int
    bytes: int
    seconds: float
    ended: datetime
    lasted: float

    @property
    def says_something(self) -> bool:
        """Whether anything can be learnt from it."""
        return self.seconds > 0 and (self.files > 0 or self.bytes > 0)


def learn_rate(timings: Sequence[ShardTiming], declared: Rate) -> Rate | None:
    """The rate that shards show, or ``None`` as long as they are too few.

    Args:
        timings: in any order. Some hundred are enough; the time it takes grows with them.
        declared: what is believed otherwise; its shape is kept unless another one fits better.
    """
    told = [timing for timing in timings if timing.says_something]
    if len(told) < LEAST_SHARDS:
        return None
    newest = max(timing.ended for timing in told)
    weights = [0.5 ** ((newest - timing.ended) / HALF_LIFE) for timing in told]
    shapes = [(declared.seconds_a_file, declared.seconds_a_byte), *_shapes(declared)]
    usual, *others = (_Fit.of(told, weights, a_file, a_byte) for a_file, a_byte in shapes)
    best = min((fit for fit in others if fit is not None), key=lambda fit: fit.cost)
    if usual is not None and best.cost >= usual.cost * _BETTER:
        best = usual
    scale = best.scale(told, weights)
    return Rate(best.a_file * scale, best.a_byte * scale, len(told), newest, workers_at_once(told))


def workers_at_once(timings: Sequence[ShardTiming]) -> float:
    """How many workers were busy with these shards, on average over the time in which any was."""
    spans = sorted((each.ended - timedelta(seconds=each.lasted), each.ended) for each in timings)
    busy, until = 0.0, None
    for begun, ended in spans:
        if until is None or ended > until:
            busy += (ended - (begun if until is None else max(begun, until))).total_seconds()
            until = ended
    return sum(each.seconds for each in timings) / busy if busy else 0.0


def weighted_quantile(values: Sequence[float], weights: Sequence[float], share: float) -> float:
    """The smallest value below or at which at least ``share`` of the weight lies. ``values`` holds one or more."""
    pairs = sorted(zip(values, weights, strict=True))
    wanted, passed = share * sum(weights), 0.0
    for value, weight in pairs:
        passed += weight
        if passed >= wanted:
            return value
    return pairs[-1][0]


@dataclass(frozen=True, slots=True)
class _Fit:
    """One shape, and how well it explains.

    Args:
        a_file, a_byte: the shape; only their ratio counts.
        middle: the logarithm of seconds for one unit of such work, as the weighted median has it.
        cost: how far the shards are from it.
    """

    a_file: float
    a_byte: float
    middle: float
    cost: float

    @classmethod
    def of(cls, told: Sequence[ShardTiming], weights: Sequence[float], a_file: float, a_byte: float) -> _Fit | None:
        """``None`` if by this shape some shard had nothing to do."""
        works = [each.files * a_file + each.bytes * a_byte for each in told]
        if not all(works):
            return None
        logs = [math.log(each.seconds / work) for each, work in zip(told, works, strict=True)]
        middle = weighted_quantile(logs, weights, 0.5)
        cost = sum(weight * abs(each - middle) for each, weight in zip(logs, weights, strict=True))
        return cls(a_file, a_byte, middle, cost)

    def scale(self, told: Sequence[ShardTiming], weights: Sequence[float]) -> float:
        """Seconds for one unit of work: their mean, without what lies far beyond the median."""
        most = _CUT * math.exp(self.middle)
        seconds = work = 0.0
        for each, weight in zip(told, weights, strict=True):
            units = each.files * self.a_file + each.bytes * self.a_byte
            seconds += weight * min(each.seconds, most * units)
            work += weight * units
        return seconds / work


def _shapes(declared: Rate) -> Iterator[tuple[float, float]]:
    """Shapes beside the declared one: bytes alone, and a file that weighs up to four thousand times more or less."""
    yield 0.0, 1.0
    a_byte = declared.seconds_a_byte or _SOME_SECONDS / 1e6
    yield from (((declared.seconds_a_file or _SOME_SECONDS) * 2.0**step, a_byte) for step in range(-12, 13))
