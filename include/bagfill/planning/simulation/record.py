"""What a simulated campaign leaves behind: its figures, and how it went over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from bagfill.planning.waves import DAY


class Sample(NamedTuple):
    """One moment.

    Args:
        seconds: since the start.
        verified: bytes at the destination that were read back.
        thawing: bytes that were asked for and cannot be read yet.
        thawed: bytes that can be read, and are not verified.
        billed, booked: money.
        busy: workers.
    """

    seconds: float
    verified: int
    thawing: int
    thawed: int
    billed: Decimal
    booked: Decimal
    busy: int


@dataclass(slots=True)
class Course:
    """How one policy fared.

    Args:
        bags, bytes: verified at the destination.
        seconds: until the end.
        billed: by all providers.
        expired: bags whose thawed copies went away before they were verified.
        prolonged: bags whose copies were prolonged.
        asked_again: bags that were asked for more than once.
        failures: pieces of work that were done again.
        pieces: of work that were done.
        waves: in which archived bags were asked for.
        busy_seconds: of all workers together.
        stopped: why it ended early; empty: it did not.
        samples: over time.
    """

    bags: int = 0
    bytes: int = 0
    seconds: float = 0.0
    billed: Decimal = Decimal(0)
    expired: int = 0
    prolonged: int = 0
    asked_again: int = 0
    failures: int = 0
    pieces: int = 0
    waves: int = 0
    busy_seconds: float = 0.0
    stopped: str = ""
    samples: list[Sample] = field(default_factory=list)

    @property
    def days(self) -> float:
        """From the first request to the last byte read back."""
        return self.seconds / DAY

    @property
    def days_to_nearly_all(self) -> float | None:
        """Until 99 % of it was verified; what is left then waits for lost thaws. ``None``: nobody took samples."""
        if not self.samples:
            return None
        nearly = 0.99 * self.bytes
        return next((sample.seconds for sample in self.samples if sample.verified >= nearly), self.seconds) / DAY

    def overshoot(self, cap: Decimal | None) -> Decimal:
        """What was billed beyond the cap."""
        return Decimal(0) if cap is None else max(Decimal(0), self.billed - cap)

    def to_json(self, cap: Decimal | None, workers: int) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "virtual_days": round(self.days, 2),
            "days_to_99_percent": None if self.days_to_nearly_all is None else round(self.days_to_nearly_all, 2),
            "cost": _money(self.billed),
            "cap_overshoot": _money(self.overshoot(cap)),
            "expired_unverified": self.expired,
            "prolonged": self.prolonged,
            "asked_again": self.asked_again,
            "failures": self.failures,
            "pieces_of_work": self.pieces,
            "waves": self.waves,
            "worker_use": round(self.busy_seconds / (self.seconds * workers), 3) if self.seconds else 0.0,
            "verified_bags": self.bags,
            "verified_bytes": self.bytes,
            "stopped": self.stopped or None,
        }


def _money(amount: Decimal) -> float:
    return float(round(amount, 2))
