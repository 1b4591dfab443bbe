"""Faults that can be switched on, each for a part of the service and for so many requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any


class Fault(StrEnum):
    """What happens to a request."""

    NOTHING = "nothing"
    """The connection ends without an answer, and nothing was done."""
    ANSWER_LOST = "answer-lost"
    """The work is done, and the connection ends without an answer."""
    SLOW = "slow"
    """The answer comes late."""
    STATUS = "status"
    """Another status is answered, and nothing was done."""


PARTS = ("tracker", "bags", "ingests", "token", "signed")


@dataclass(slots=True)
class Rule:
    """One fault.

    Args:
        part: of the service; see :data:`PARTS`.
        fault: what happens.
        status: with ``status``: which.
        seconds: with ``slow``: how late.
        count: for so many requests; ``None``: until it is switched off.
        method: for requests of this method alone.
    """

    part: str
    fault: Fault
    status: int = 500
    seconds: float = 1.0
    count: int | None = None
    method: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rule:
        """From JSON. Raises ValueError or TypeError."""
        rule = cls(**{**values, "fault": Fault(values["fault"])})
        if rule.part not in PARTS:
            raise ValueError(f"part: {rule.part!r}, known are {', '.join(PARTS)}")
        return rule


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[Rule] = []

    def replace(self, rules: list[Rule]) -> None:
        """Switch these on, and all others off."""
        with self._lock:
            self._rules = rules

    def next(self, part: str, method: str) -> Rule | None:
        """What happens to the next request to a part, if anything."""
        with self._lock:
            for rule in self._rules:
                if rule.part != part or rule.method not in {None, method} or rule.count == 0:
                    continue
                if rule.count is not None:
                    rule.count -= 1
                return rule
        return None
