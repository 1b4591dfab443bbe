"""The providers and machines of a simulation: how long things take, what goes wrong, and what is billed for it.

The bill is kept apart from the code that plans and books: it counts what was done and multiplies it with the price
tables, month by month, as a provider does. What a budget promised is held against it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from decimal import Decimal

from bagfill.planning.costs import DAYS_A_MONTH
from bagfill.planning.prices import PriceTable
from bagfill.planning.shards import block_bytes_for
from bagfill.planning.simulation.bags import Luck, SimulatedBag
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.waves import DAY
from bagfill.thaw.tiers import thaw_times

_SLOW, _LOST, _WHEN, _THROTTLED, _MIDNIGHT, _FAILS, _WHERE, _PACE = range(1, 9)
_THROTTLED_FACTOR = 4.0


class World:
    """What a campaign meets. Two policies with the same seed meet the same.

    Args:
        profile: what is simulated.
        seed: of all chance.
    """

    def __init__(self, profile: SimulationProfile, seed: int) -> None:
        self._profile = profile
        self._luck = Luck(seed)
        source, destination = profile.pair.source, profile.pair.destination
        if source is None or destination is None:
            raise ValueError("a simulation needs both price tables")
        self.source: PriceTable = source
        self.destination: PriceTable = destination
        times = thaw_times(profile.collection.archive_class, profile.tier)
        self._first, self._last = times.first.total_seconds(), times.last.total_seconds()
        self._meters: dict[int, dict[tuple[bool, tuple[str, ...]], Decimal]] = defaultdict(lambda: defaultdict(Decimal))

    # --- time

    def asking_seconds(self, bag: SimulatedBag, attempt: int) -> float:
        """How long asking for a bag's thaws takes."""
        seconds = bag.archived_files / self._profile.machines.thaw_requests_per_second
        throttled = self._luck.draw(_THROTTLED, bag.number, attempt) < self._profile.trouble.throttled
        return seconds * (_THROTTLED_FACTOR if throttled else 1.0)

    def thaw_seconds(self, bag: SimulatedBag, attempt: int) -> float:
        """From the request until everything of the bag is readable; infinite: never."""
        trouble = self._profile.trouble
        if self._luck.draw(_LOST, bag.number, attempt) < trouble.lost_thaws:
            return math.inf
        share = self._luck.draw(_WHEN, bag.number, attempt)
        if self._luck.draw(_SLOW, bag.number, attempt) < trouble.slow_thaws:
            return self._last * (1 + share * (trouble.slowest - 1))
        return self._first + share * (self._last - self._first)

    def expiry(self, bag: SimulatedBag, attempt: int, *, asked: float, readable: float, days: int) -> float:
        """When thawed copies go away: pages of AWS differ on whether days count from request or completion."""
        if self._luck.draw(_MIDNIGHT, bag.number, attempt) < 0.5:
            return asked + days * DAY
        return math.ceil((readable + days * DAY) / DAY) * DAY

    def work_seconds(self, files: int, size: int, bag: int, attempt: int) -> float:
        """How long one worker copies, or reads back, so much."""
        machines = self._profile.machines
        seconds = files * machines.seconds_a_file + size / machines.bytes_a_second
        return seconds * self._luck.spread(self._profile.trouble.rate_spread, _PACE, bag, attempt)

    def fails_at(self, piece: int, attempt: int) -> float | None:
        """How much of a piece of work is done when it fails; ``None``: it does not."""
        if self._luck.draw(_FAILS, piece, attempt) >= self._profile.trouble.failures:
            return None
        return self._luck.draw(_WHERE, piece, attempt)

    # --- money

    def thawed(self, moment: float, objects: int, size: int, days: int, *, again: bool = False) -> None:
        """So many thaws were accepted; ``again``: they prolong copies that live, and nothing is retrieved."""
        name, tier = self._profile.collection.archive_class, self._profile.tier.value
        self._count(moment, self.source, ("thaw", name, tier, "request"), Decimal(objects))
        if not again:
            self._count(moment, self.source, ("thaw", name, tier, "gb"), self.source.gigabytes(size))
        if self.source.thawed_as:
            kept = self.source.gigabytes(size) * days / DAYS_A_MONTH
            self._count(moment, self.source, ("storage", self.source.thawed_as), kept)

    def copied(self, moment: float, files: int, size: int, *, share: float = 1.0) -> None:
        """So much was read at the source and written at the destination; of a failure, the share that was done."""
        part = Decimal(share)
        requests, gigabytes = Decimal(self.requests(files, size)) * part, self.source.gigabytes(size) * part
        default = self.source.default_class
        self._count(moment, self.source, ("reads", default), requests)
        self._count(moment, self.source, ("read_gb", default), gigabytes)
        self._count(moment, self.source, ("transfer", self._profile.pair.distance), gigabytes)
        self._count(moment, self.destination, ("writes", self.destination.default_class), requests)

    def kept(self, moment: float, size: int) -> None:
        """So much lies at the destination from now on: its first month."""
        place = ("storage", self.destination.default_class)
        self._count(moment, self.destination, place, self.destination.gigabytes(size))

    def read_back(self, moment: float, files: int, size: int, *, share: float = 1.0) -> None:
        """So much was read back."""
        part = Decimal(share)
        gigabytes, default = self.destination.gigabytes(size) * part, self.destination.default_class
        self._count(moment, self.destination, ("reads", default), files * part)
        self._count(moment, self.destination, ("read_gb", default), gigabytes)
        pair = self._profile.pair
        if not pair.verifies_at_destination:
            distance = pair.distance if pair.copies_at_source else "internet"
            self._count(moment, self.destination, ("transfer", distance), gigabytes)

    def requests(self, files: int, size: int) -> int:
        """That writing so many files takes: one each, and the blocks of those that are large on average."""
        limits = self._profile.limits
        each = size // max(1, files)
        blocks = block_bytes_for(each, limits)
        return files * (1 if not blocks else -(-each // blocks) + 2)

    def bill(self) -> Decimal:
        """What all providers charge for everything so far."""
        total = Decimal(0)
        for meter in self._meters.values():
            for (at_source, key), amount in meter.items():
                price = (self.source if at_source else self.destination).price(*key)
                if price is None:
                    raise ValueError(f"no price for {'.'.join(key)}")
                total += price.of(amount)
        return total

    def _count(self, moment: float, table: PriceTable, key: tuple[str, ...], amount: Decimal) -> None:
        self._meters[int(moment // (DAYS_A_MONTH * DAY))][table is self.source, key] += amount
