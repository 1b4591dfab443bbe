"""Calls at an even rate."""

from __future__ import annotations

import pytest

from bagfill.storage import pace as module
from bagfill.storage.pace import Pace


def test_the_pace_lets_callers_through_evenly_and_never_saves_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    slept: list[float] = []
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    pace = Pace(4, sleep=slept.append)

    for _ in range(3):
        pace.wait()
    now = 200.0
    pace.wait()
    pace.wait()

    assert slept == [0.25, 0.5, 0.25]
