"""Waiting for the runs of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bagfill.demo.waiting import THAWING, BagRun, SweepStuck, start_sweep, wait_for_runs


class FakeApi:
    """Plays one state of Airflow after the other, the last one for ever."""

    def __init__(self, *moments: tuple[str, dict[str, str], dict[str, tuple[str, str]]]) -> None:
        self.moments = list(moments)
        self.looks = 0
        self.sent: list[tuple[str, str, Any]] = []

    def run_state(self, dag_id: str, run_id: str) -> str:
        if self.looks and len(self.moments) > 1:
            del self.moments[0]
        self.looks += 1
        return self.moments[0][0]

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return [
            {"dag_run_id": name, "state": state, "conf": {"space": "s", "external_identifier": name}}
            for name, state in self.moments[0][1].items()
        ]

    def request(self, method: str, path: str, **more: Any) -> Any:
        self.sent.append((method, path, more.get("json")))
        tasks = self.moments[0][2]
        rows = [{"dag_run_id": run, "task_id": task, "state": state} for run, (task, state) in tasks.items()]
        return {"task_instances": rows}

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        self.sent.append(("TRIGGER", dag_id, conf))
        return "run"


def wait(api: FakeApi, bags: int, within: float = 5) -> tuple[list[Sequence[BagRun]], tuple[BagRun, ...]]:
    seen: list[Sequence[BagRun]] = []
    runs = wait_for_runs(api, "sweep", bags, within=within, seen=seen.append, pause=0)  # type: ignore[arg-type]
    return seen, runs


def test_waits_until_the_sweep_and_every_bag_are_over() -> None:
    api = FakeApi(
        ("running", {}, {}),
        ("running", {"b": "running"}, {"b": ("thaw.wait", "deferred")}),
        ("success", {"b": "success", "a": "running"}, {"a": ("copy", "running")}),
        ("success", {"b": "success", "a": "failed"}, {}),
    )
    seen, runs = wait(api, 2)
    assert len(seen) == 4
    assert seen[1] == (BagRun("s/b", "running", THAWING),)
    assert [run.doing for run in seen[2]] == ["copying", ""]
    assert runs == (BagRun("s/a", "failed", ""), BagRun("s/b", "success", ""))


def test_waits_for_bags_that_have_no_run_yet() -> None:
    with pytest.raises(SweepStuck, match="after 0 s these runs are not over: none was started"):
        wait(FakeApi(("success", {"a": "success"}, {})), 2, within=0)


def test_names_what_is_stuck() -> None:
    with pytest.raises(SweepStuck, match=r"s/a \(copying\)"):
        wait(FakeApi(("success", {"a": "running"}, {"a": ("copy", "running")})), 1, within=0)


def test_a_failed_sweep_is_not_waited_for() -> None:
    with pytest.raises(SweepStuck, match="failed"):
        wait(FakeApi(("failed", {}, {})), 1)


def test_the_sweep_is_switched_on_before_it_is_started() -> None:
    api = FakeApi(("success", {}, {}))
    assert start_sweep(api, "azure", 7) == "run"  # type: ignore[arg-type]
    assert api.sent == [
        ("PATCH", "/api/v2/dags/sweep_unbackfilled_bags", {"is_paused": False}),
        ("TRIGGER", "sweep_unbackfilled_bags", {"destination": "azure", "limit": 7, "space": None}),
    ]
