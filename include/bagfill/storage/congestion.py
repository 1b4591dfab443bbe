"""How many requests a process keeps in flight at one location: slow start, then one more for each round that went well,
half as many when the provider asks for fewer. As TCP does it (RFC 5681). Pure arithmetic. What latency says of it is
:mod:`bagfill.storage.knee`.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 4.0
"""Requests in flight that a process begins with."""
_LEAST = 1.0


@dataclass(slots=True)
class CongestionWindow:
    """The allowed number of requests in flight.

    Args:
        most: never more than this.
        allowed: at present; at least 1.
        threshold: up to here it doubles with each round of answers, above it grows by one a round.
    """

    most: float
    allowed: float = FIRST
    threshold: float = float("inf")
    _cut_at: float = float("-inf")

    def answered(self) -> None:
        """A request went well."""
        if self.allowed >= self.most:
            return
        step = 1.0 if self.allowed < self.threshold else 1.0 / self.allowed
        self.allowed = min(self.most, self.allowed + step)

    def refused(self, begun: float, now: float, *, used: float = float("inf")) -> None:
        """The provider asked for fewer requests, or did not answer.

        Args:
            begun: when the request began, in seconds of any steady clock.
            now: the present moment of that clock. Of requests that were in flight together, one refusal counts.
            used: requests that other bounds allow; half of what was really in flight is fewer.
        """
        if begun <= self._cut_at:
            return
        self._cut_at = now
        self.threshold = max(_LEAST, min(self.allowed, used) / 2)
        self.allowed = self.threshold

    @property
    def whole(self) -> int:
        """Requests that may be in flight."""
        # Both are 1 at least, and only growth is held to the most.
        return int(self.allowed) if self.allowed <= self.most else max(1, int(self.most))


def share(most: float, holders: int) -> float:
    """One of ``holders`` equal parts of a location's limit."""
    return most / max(1, holders)


def share_of_connections(most: int, holders: int) -> int:
    """The same in whole connections; each holder has one at least, so more holders than connections pass the limit."""
    return max(1, most // max(1, holders))
