"""A workflow system for tests of the HTTP API: remembers what it was asked to start, runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bagfill.steps.accept_request import RunsUnavailable


@dataclass
class StubRuns:
    """Runs stay unfinished until they are put into ``finished``."""

    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    broken: bool = False

    def start(self, request_id: str, fields: dict[str, Any]) -> None:
        if self.broken:
            raise RunsUnavailable("out of order")
        self.started.setdefault(request_id, fields)

    def is_unfinished(self, request_id: str) -> bool:
        return request_id in self.started and request_id not in self.finished
