"""What ``bagfill demo --service`` prints and answers, with the scenario itself played."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bagfill.cli.demo_service
from bagfill.demo.programs import StartFailed
from bagfill.demo.run import Airflow
from bagfill.demo.scene import Scene
from bagfill.demo.service_run import ServiceResult, ServiceWatcher, ShownBag


def played(*problems: str) -> Callable[..., ServiceResult]:
    def run(work_dir: Path, watcher: ServiceWatcher, *, finished: Callable[[ServiceResult], None]) -> ServiceResult:
        watcher.step("Starting")
        watcher.counted("bag versions registered", 1, 2)
        bags = tuple(ShownBag(f"digitised/b{n}/v1", "succeeded", 8, 3) for n in range(20))
        airflow = Airflow("http://127.0.0.1:1", "admin", "pass")
        result = ServiceResult(bags, problems, 12.3, Scene(work_dir, {}), airflow, "http://127.0.0.1:2")
        finished(result)
        return result

    return run


def test_all_as_it_should_be(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_service_demo", played())
    answer = bagfill("demo", "--service")
    assert answer.code == 0
    assert "digitised/b14/v1" in answer.out
    assert "and 5 more" in answer.out
    assert "20 bag versions have a third location now" in answer.out
    assert "Starting" in answer.err


def test_a_problem_is_told_and_is_the_exit_code(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_service_demo", played("digitised/b1/v1: the service shows no ingest"))
    answer = bagfill("demo", "--service")
    assert answer.code == 1
    assert "digitised/b1/v1: the service shows no ingest" in answer.out


def test_as_json(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_service_demo", played())
    document = json.loads(bagfill("demo", "--service", "--json").out)
    assert (document["ok"], len(document["bags"]), document["bags"][0]["locations"]) == (True, 20, 3)


def test_a_stack_that_does_not_start_is_no_answer(
    bagfill: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: Any, **__: Any) -> ServiceResult:
        raise StartFailed("storage-service", "it ended", tmp_path / "log")

    monkeypatch.setattr(bagfill_demo(), "run_service_demo", fails)
    assert bagfill("demo", "--service").code == 2


def bagfill_demo() -> Any:
    return bagfill.cli.demo_service
