"""Calls again what a pause may help, with growing pauses: how often and how patiently, and the calling itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bagfill.storage.errors import StoreError, StoreFailure

if TYPE_CHECKING:
    from tenacity import Retrying

Answer = TypeVar("Answer")

WORTH_A_PAUSE = frozenset({StoreFailure.UNAVAILABLE, StoreFailure.THROTTLED, StoreFailure.CORRUPTED_IN_TRANSIT})
"""Failures that pass within seconds. ARCHIVED and CONFLICT take hours or a person: their caller decides."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    Args:
        attempts: most tries of one call, the first included (for a read: tries in a row that bring no byte).
        throttled: the same where the last answer asked for fewer requests: that passes, if only slowly.
        first_pause: upper bound of the first pause in seconds; pauses are random and their bound doubles.
        longest_pause: upper bound of any pause in seconds.
    """

    attempts: int = 4
    throttled: int = 10
    first_pause: float = 0.5
    longest_pause: float = 20.0

    def is_over(self, tries: int, error: StoreError) -> bool:
        """Whether so many tries, the last of which ended so, were enough."""
        return tries >= (self.throttled if error.failure is StoreFailure.THROTTLED else self.attempts)


class Retries:
    """Calls what it is given, as often as the policy says, while a pause may help. Shared by all threads.

    Args:
        policy: how often.
        sleep: sleeps for a number of seconds.
        worth: failures that are worth a pause.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        sleep: Callable[[float], None],
        worth: frozenset[StoreFailure] = WORTH_A_PAUSE,
    ) -> None:
        self._policy = policy
        self._sleep = sleep
        self._worth = worth

    def __call__(self, call: Callable[[], Answer]) -> Answer:
        """The answer of a call. Raises the StoreError of the last try."""
        failed: list[StoreError] = []
        try:
            return call()
        except StoreError as error:
            if error.failure not in self._worth:
                raise
            failed.append(error)

        def attempt() -> Answer:
            if failed:
                raise failed.pop()
            return call()

        return self._after_a_failure(attempt)

    @cached_property
    def _after_a_failure(self) -> Retrying:
        """Loaded with the first failure: most processes see none, and it brings asyncio and tornado along."""
        from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

        def is_over(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return isinstance(error, StoreError) and self._policy.is_over(state.attempt_number, error)

        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, StoreError) and error.failure in self._worth),
            stop=is_over,
            wait=wait_random_exponential(multiplier=self._policy.first_pause, max=self._policy.longest_pause),
            sleep=self._sleep,
            reraise=True,
        )
