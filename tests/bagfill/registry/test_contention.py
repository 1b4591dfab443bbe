"""Races for one change: as often as is said, with pauses, and then an error that may come back."""

from __future__ import annotations

import pytest

from bagfill.registry.contention import Contention
from bagfill.registry.errors import RegistryContendedError

RACES: Contention[str] = Contention(attempts=5, first_pause=1.0, longest_pause=3.0)


class Attempts:
    """Loses so many races."""

    def __init__(self, losing: int) -> None:
        self.losing = losing
        self.made = 0

    def __call__(self) -> str | None:
        self.made += 1
        return None if self.made <= self.losing else f"won the {self.made}th"


def test_a_race_that_is_won_at_once_makes_nobody_wait() -> None:
    pauses: list[float] = []
    assert RACES.until_won(Attempts(0), "b1/v1", pauses.append) == "won the 1th"
    assert pauses == []


@pytest.mark.parametrize("losing", [1, 2, 4])
def test_a_lost_race_is_run_again_after_a_pause(losing: int) -> None:
    pauses: list[float] = []
    attempts = Attempts(losing)
    assert RACES.until_won(attempts, "b1/v1", pauses.append) == f"won the {losing + 1}th"
    assert (attempts.made, len(pauses)) == (losing + 1, losing)
    assert all(pause <= bound for pause, bound in zip(pauses, (1.0, 2.0, 3.0, 3.0), strict=False))


def test_a_race_that_is_always_lost_is_an_error_that_says_how_often() -> None:
    attempts = Attempts(100)
    with pytest.raises(RegistryContendedError, match=r"b1/v1.*5 times") as lost:
        RACES.until_won(attempts, "b1/v1", lambda _: None)
    assert (attempts.made, lost.value.attempts, lost.value.retryable) == (5, 5, True)


def test_patience_ends_it_sooner_but_not_before_the_least_attempts() -> None:
    impatient: Contention[str] = Contention(5, 1.0, 3.0, patience=0.0, least_attempts=3)
    attempts = Attempts(100)
    with pytest.raises(RegistryContendedError):
        impatient.until_won(attempts, "b1/v1", lambda _: None)
    assert attempts.made == 3


@pytest.mark.parametrize("after", [0, 2])
def test_what_an_attempt_raises_is_raised_at_once(after: int) -> None:
    attempts = Attempts(after)

    def failing() -> str | None:
        if attempts() is not None:
            raise KeyError("surprise")
        return None

    with pytest.raises(KeyError, match="surprise"):
        RACES.until_won(failing, "b1/v1", lambda _: None)
    assert attempts.made == after + 1
