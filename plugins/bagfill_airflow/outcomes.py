"""The one place that says what an outcome of the core means to Airflow: go on, skip, retry or fail.

========================================  ====================================================
outcome                                   Airflow
========================================  ====================================================
a result                                  the task succeeds
:class:`StepFailed`, ``retryable``        :class:`StepRetry`: the task is retried with backoff
:class:`StepFailed`, not ``retryable``    ``AirflowFailException``: failed at once, no retry
nothing to do                             ``AirflowSkipException``
:class:`RequestError`                     ``AirflowFailException`` with every problem
settings or credentials that are wrong    ``AirflowFailException``
any other exception                       left as it is: a surprise, retried as Airflow retries
========================================  ====================================================
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.requests import RequestError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class StepRetry(AirflowException):
    """A step failed in a way that another try may get over."""


class Tried(Protocol):
    """What is asked of a task instance: which try this is, from 1, and how many retries there are."""

    try_number: int
    max_tries: int


def is_last_try(ti: Tried) -> bool:
    """Whether no retry will follow."""
    return ti.try_number > ti.max_tries


def describe(failure: StepFailed) -> str:
    """Code, text and single problems, as they stand in the task's log."""
    lines = [f"{failure.reason.code}: {failure.text}", *(f"  - {problem}" for problem in failure.problems)]
    return "\n".join(lines)


def fail(failure: StepFailed) -> NoReturn:
    """End the task: retried if that can help."""
    raise (StepRetry if failure.retryable else AirflowFailException)(describe(failure))


def result_of(outcome: T | StepFailed) -> T:
    """The step's result; its failure ends the task."""
    if isinstance(outcome, StepFailed):
        fail(outcome)
    return outcome


def refused(error: RequestError) -> AirflowFailException:
    """A request that is wrong, with every problem."""
    problems = "".join(f"\n  - {problem}" for problem in error.problems)
    return AirflowFailException(f"{Reason.BAD_REQUEST.code}: nothing was opened. Correct the request:{problems}")


def misconfigured(error: Exception) -> AirflowFailException:
    """Settings, connections or a database that a person must correct."""
    return AirflowFailException(f"Bagfill is not configured: {error}")


def skip(why: str) -> NoReturn:
    """Nothing to do: this task and those behind it are skipped, and the run succeeds."""
    raise AirflowSkipException(why)


def settle(failures: Mapping[str, StepFailed], *, done: Sequence[object], last_try: bool) -> None:
    """Decide for a task that handled several bag versions, of which some failed.

    A failure that a retry can help has the task retried (what is finished is found again). Otherwise the versions that
    are done go on alone; those that failed have their reason in their ingest, and ``close_ingest`` fails the run.

    Args:
        failures: by bag version.
        done: the versions that may go on.
        last_try: no retry will follow.

    Raises:
        StepRetry: another try may help.
        AirflowFailException: nothing is left that could go on.
    """
    if not failures:
        return
    text = "\n".join(f"{bag_version}: {describe(failure)}" for bag_version, failure in failures.items())
    if any(failure.retryable for failure in failures.values()) and not last_try:
        raise StepRetry(text)
    if not done:
        raise AirflowFailException(text)
    logger.warning("%d bag version(s) failed and the others go on:\n%s", len(failures), text)
