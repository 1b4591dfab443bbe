"""When a bag that failed is tried again: each reason has its own schedule, and none goes on for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bagfill.ingests.reasons import Reason


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """When to try again, and how often.

    Args:
        first: pause after the first failure.
        longest: the pause doubles with each further failure, up to this.
        attempts: failures after which a person is asked.
    """

    first: timedelta
    longest: timedelta
    attempts: int

    def pause(self, failed: int) -> timedelta | None:
        """How long to wait after so many failures (1 or more); ``None``: until a person has looked."""
        if failed >= self.attempts:
            return None
        doubled: int = 1 << min(failed - 1, 30)
        return min(self.longest, self.first * doubled)


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

NO_ATTEMPT = frozenset(
    {Reason.ALREADY_RUNNING, Reason.NEEDS_OWN_RUN, Reason.CAMPAIGN_HALTED, Reason.THAW_NOT_DUE},
)
"""Ends of an ingest that say nothing against the bag: it is started again as soon as it can be."""

_UNREACHABLE = RetrySchedule(5 * _MINUTE, 6 * _HOUR, 12)
"""Soon, and for a day and a half: an outage of a provider is not to leave a hundred thousand bags to a person."""

SCHEDULES: Mapping[Reason, RetrySchedule] = {
    Reason.SOURCE_UNREADABLE: _UNREACHABLE,
    Reason.DESTINATION_UNREADABLE: _UNREACHABLE,
    # They were asked for again already, and the next ingest waits for them.
    Reason.THAW_EXPIRED: RetrySchedule(timedelta(0), timedelta(0), 4),
    Reason.INTERRUPTED: RetrySchedule(_MINUTE, _HOUR, 6),
    Reason.CLAIM_LOST: RetrySchedule(_MINUTE, _HOUR, 6),
    Reason.OLDER_VERSION_MISSING: RetrySchedule(10 * _MINUTE, 6 * _HOUR, 8),
    Reason.SOURCE_CHANGED: RetrySchedule(_HOUR, 24 * _HOUR, 3),
    Reason.DESTINATION_INCOMPLETE: RetrySchedule(10 * _MINUTE, _HOUR, 3),
    Reason.MANIFEST_DAMAGED: RetrySchedule(10 * _MINUTE, _HOUR, 3),
    Reason.MANIFEST_CONTENDED: RetrySchedule(_MINUTE, _HOUR, 8),
    Reason.UNEXPECTED: RetrySchedule(10 * _MINUTE, 6 * _HOUR, 5),
}
"""Of every reason that a retry can help; the others wait for a person at once."""

_UNKNOWN = SCHEDULES[Reason.INTERRUPTED]


def schedule_of(reason: Reason | None) -> RetrySchedule | None:
    """The schedule after a failure; ``None``: it is never tried again without a person.

    Args:
        reason: of the failed ingest; ``None``: its run was lost before it could say one.
    """
    if reason is None:
        return _UNKNOWN
    return SCHEDULES.get(reason)
