"""Figures that take long to count: counted beside the requests, kept a while, shown with the moment of the count."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from bagfill.steps.services import Services

logger = logging.getLogger(__name__)

Figure = TypeVar("Figure")
_PAUSES = 9
"""How often as long as a count the pause after it is, at least."""
Lend = Callable[[], AbstractContextManager[Services]]


class Kept(Generic[Figure]):
    """One figure of an installation. Many pages and people ask for it; it is counted once at a time.

    Args:
        count: makes the figure; may take minutes in a registry of millions.
        seconds: after so long a page that asks has it counted again, and shows the old one meanwhile; after longer if
            counting takes long, so that it takes a tenth of the time at most.
        patience: seconds that a page waits for a count before it shows what there is.
    """

    def __init__(self, count: Callable[[Services], Figure], *, seconds: float, patience: float = 2.0) -> None:
        self._count = count
        self._seconds = seconds
        self._patience = patience
        self._lock = threading.Lock()
        self._figure: Figure | None = None
        self._error: Exception | None = None
        self._due = float("-inf")
        self._changes = 0
        self._counting: threading.Thread | None = None

    def get(self, lend: Lend) -> Figure | None:
        """The figure; ``None``: it is being counted for the first time. Raises what counting it raised last.

        Args:
            lend: services for the count, which may outlive the request.
        """
        with self._lock:
            if self._counting is None and time.monotonic() > self._due:
                self._counting = threading.Thread(target=self._run, args=(lend,), name="count", daemon=True)
                self._counting.start()
            counting = self._counting
        if counting is not None:
            counting.join(self._patience)
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._figure

    def forget(self) -> None:
        """Have it counted again by the next page that asks: something was just changed."""
        with self._lock:
            self._due = float("-inf")
            self._changes += 1

    def _run(self, lend: Lend) -> None:
        begun, changes = time.monotonic(), self._changes
        figure: Figure | None = None
        error: Exception | None = None
        try:
            with lend() as services:
                figure = self._count(services)
        except Exception as raised:  # noqa: BLE001 - a thread has nobody to raise to: the page that asked raises it
            error = raised
        finally:
            with self._lock:
                if error is None:
                    self._figure = figure
                # What failed is counted again by the next page; and so is what was changed meanwhile.
                holds = error is None and changes == self._changes
                ended = time.monotonic()
                pause = max(self._seconds, _PAUSES * (ended - begun))
                self._due = ended + pause if holds else float("-inf")
                self._error, self._counting = error, None
