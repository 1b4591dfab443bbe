"""Optimistic changes: tried again, after a random pause, for as long as others are faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bagfill.registry.errors import RegistryContendedError

Won = TypeVar("Won")


@dataclass(frozen=True, slots=True)
class Contention(Generic[Won]):
    """How often a change is tried, and how patiently.

    Args:
        attempts: most of them.
        first_pause, longest_pause: seconds; the bound of the random pause doubles from one to the other.
        patience: seconds after which it ends sooner; ``None``: it does not.
        least_attempts: made however long they take.
    """

    attempts: int
    first_pause: float
    longest_pause: float
    patience: float | None = None
    least_attempts: int = 1

    def until_won(self, attempt: Callable[[], Won | None], about: str, sleep: Callable[[float], None]) -> Won:
        """The first result that is not ``None``.

        Args:
            attempt: reads, and changes what it read if it is still so; ``None``: somebody else was faster.
            about: what is changed, for the error.
            sleep: sleeps for a number of seconds.

        Raises:
            RegistryContendedError: others were faster every time. What ``attempt`` raises passes through.
        """
        won = attempt()
        if won is not None:
            return won
        # Loaded with the first race that is lost: most processes lose none, and it brings asyncio and tornado along.
        from tenacity import (
            RetryError,
            Retrying,
            retry_if_result,
            stop_after_attempt,
            stop_after_delay,
            stop_all,
            stop_any,
            wait_random_exponential,
        )

        lost: list[None] = [None]

        def counted() -> Won | None:
            """The attempt that was made already is the first."""
            return lost.pop() if lost else attempt()

        stop: stop_after_attempt | stop_any = stop_after_attempt(self.attempts)
        if self.patience is not None:
            late = stop_all(stop_after_attempt(self.least_attempts), stop_after_delay(self.patience))
            stop = stop_any(stop, late)
        attempts = Retrying(
            retry=retry_if_result(lambda result: result is None),
            stop=stop,
            wait=wait_random_exponential(multiplier=self.first_pause, max=self.longest_pause),
            sleep=sleep,
        )
        try:
            won = attempts(counted)
        except RetryError as error:
            raise RegistryContendedError(about, error.last_attempt.attempt_number) from None
        if won is None:
            raise AssertionError("what is lost is tried again, or ends in RetryError")
        return won
