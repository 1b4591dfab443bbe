"""Signals that ask a program to end are noted, and acted on where that is safe."""

from __future__ import annotations

import signal
import time


class StopSignals:
    """True when called, from the first SIGTERM, SIGINT or SIGHUP on.

    An exception out of a signal handler could hit any line of a start or of an orderly stop; and a
    ``threading.Event`` is set under a lock, which the line that was interrupted may hold.
    """

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def __call__(self) -> bool:
        return self._asked

    def wait(self) -> None:
        """Returns after the first signal."""
        while not self._asked:
            time.sleep(0.2)

    def _note(self, *_: object) -> None:
        self._asked = True
