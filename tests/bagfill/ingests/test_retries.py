"""Every reason has its schedule, and none goes on for ever."""

from __future__ import annotations

from datetime import timedelta
from string import Formatter

import pytest

from bagfill.ingests.reasons import Reason
from bagfill.ingests.remedies import REMEDIES
from bagfill.ingests.retries import NO_ATTEMPT, SCHEDULES, RetrySchedule, schedule_of


def test_exactly_the_reasons_that_a_retry_can_help_have_a_schedule_or_are_no_attempt() -> None:
    assert set(SCHEDULES) | NO_ATTEMPT == {reason for reason in Reason if reason.retryable}
    assert not set(SCHEDULES) & NO_ATTEMPT


@pytest.mark.parametrize("reason", [reason for reason in Reason if not reason.retryable])
def test_mismatches_names_and_whatever_else_is_wrong_never_without_a_person(reason: Reason) -> None:
    assert schedule_of(reason) is None


@pytest.mark.parametrize("schedule", SCHEDULES.values())
def test_pauses_grow_to_the_longest_and_end(schedule: RetrySchedule) -> None:
    pauses = [schedule.pause(failed) for failed in range(1, schedule.attempts)]
    known = [pause for pause in pauses if pause is not None]
    assert known == sorted(known)
    assert len(known) == schedule.attempts - 1
    assert all(pause <= schedule.longest for pause in known)
    for failed in (schedule.attempts, schedule.attempts + 1, 10_000):
        assert schedule.pause(failed) is None


def test_unreachable_soon_and_expired_thaws_at_once() -> None:
    assert SCHEDULES[Reason.SOURCE_UNREADABLE].pause(1) == timedelta(minutes=5)
    assert SCHEDULES[Reason.THAW_EXPIRED].pause(3) == timedelta(0)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_command_that_can_be_filled_in(reason: Reason) -> None:
    names = {name for _, name, _, _ in Formatter().parse(REMEDIES[reason]) if name}
    assert names <= {"bag", "version", "destination", "source", "ingest"}
    assert REMEDIES[reason].startswith("bagfill ")
