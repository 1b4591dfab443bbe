"""What ``bagfill demo`` prints and answers, with the scenario itself played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bagfill.cli.demo
from bagfill.demo.collection import sample_collection
from bagfill.demo.judgement import JudgedBag
from bagfill.demo.programs import StartFailed
from bagfill.demo.run import Airflow, DemoResult, Watcher
from bagfill.demo.scene import Scene
from bagfill.demo.waiting import THAWING, BagRun
from bagfill.registry.registry import CoverageRow
from bagfill.reports.coverage import coverage_report

SAMPLES = sample_collection("bucket", large_file_bytes=10)


def played(*problems: str) -> Callable[..., DemoResult]:
    """A scenario in which the first bag has these problems."""

    def run(work_dir: Path, watcher: Watcher, *, finished: Callable[[DemoResult], None]) -> DemoResult:
        watcher.step("Starting")
        watcher.written(1, 2)
        watcher.runs((BagRun("s/a", "running", THAWING), BagRun("s/b", "success", "")), 2)
        bags = tuple(
            JudgedBag(
                sample=sample,
                registered=sample.expected is None,
                reason=sample.expected,
                why="data/a.txt is corrupt: expected 1, saw 2",
                ingest_id=f"ingest-{number}",
                problems=problems if not number else (),
            )
            for number, sample in enumerate(SAMPLES)
        )
        report = coverage_report([CoverageRow("digitised", "azure", 9, 9, 9, 8, 8, 8)], [((), ("azure",))])
        scene = Scene(work_dir, {})
        result = DemoResult(bags, report, report, 123.4, scene, Airflow("http://127.0.0.1:1", "admin", "pass"))
        finished(result)
        return result

    return run


def test_all_as_it_should_be(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_demo", played())
    answer = bagfill("demo")
    assert answer.code == 0
    for sample in SAMPLES:
        assert str(sample.id) in answer.out
    assert "source-corrupt: data/a.txt is corrupt: expected 1, saw 2" in answer.out
    assert "3 were rightly kept out" in answer.out
    assert "pass" not in answer.out.replace("rightly", "").split()
    assert "Starting" in answer.err


def test_json_alone_on_stdout(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_demo", played())
    answer = bagfill("demo", "--json")
    assert answer.json["ok"] is True
    assert len(answer.json["bags"]) == len(SAMPLES)
    assert "airflow" not in answer.json


def test_one_bag_that_ended_otherwise_is_told(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagfill_demo(), "run_demo", played("it has no receipt"))
    answer = bagfill("demo")
    assert answer.code == 1
    assert f"{SAMPLES[0].id}: it has no receipt" in answer.out
    assert "NO" in answer.out
    assert bagfill("demo", "--json").json["ok"] is False


def test_a_stack_that_does_not_start_is_told_in_words(bagfill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StartFailed("azurite", "ended with status 1", tmp)

    tmp = Path("/nowhere/azurite.log")
    monkeypatch.setattr(bagfill_demo(), "run_demo", fail)
    answer = bagfill("demo")
    assert answer.code == 2
    assert "azurite" in answer.err
    assert answer.out == ""


def bagfill_demo() -> Any:
    return bagfill.cli.demo
