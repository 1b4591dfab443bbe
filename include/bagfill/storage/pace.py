"""Keeps calls at an even rate within one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets at most ``per_second`` callers through each second, evenly; safe to share between threads.

    Args:
        per_second: calls a second; more than 0.
        sleep: waits; tests pass their own.
    """

    def __init__(self, per_second: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._step = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self._sleep = sleep

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._step
        if turn > now:
            self._sleep(turn - now)
