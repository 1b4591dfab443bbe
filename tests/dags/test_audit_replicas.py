"""Whole runs of ``audit_replicas`` with ``dag.test()``, on stores in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.bag.identifiers import BagId
from bagfill.steps.backfill import backfill
from bagfill.steps.services import Services
from world import World, bag_files

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
BAG = BagId.parse("{{ 1 }}/b1234")
V1 = f"{BAG}/v1"


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__("bagfill.wiring")
        self.world = world

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        yield self.world.services()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    made.add(V1, bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta"}))
    assert backfill(made.services(), made.request(str(BAG))).succeeded
    made.clock.advance(timedelta(days=1))
    monkeypatch.setitem(sys.modules, "bagfill.wiring", Wiring(made))
    return made


@pytest.fixture
def run(airflow_database: Path) -> Callable[..., Any]:
    dag = DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags["audit_replicas"]

    def run(**conf: Any) -> Any:
        return dag.test(run_conf=conf)

    return run


def states(run: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task in run.get_task_instances():
        found.setdefault(task.task_id, []).append(str(task.state))
    return found


def test_the_share_of_today_is_read_at_every_location(world: World, run: Callable[..., Any]) -> None:
    finished = run()

    assert str(finished.state) == "success"
    events = world.audits.history(BAG)
    assert {(event.location, event.mode, event.outcome) for event in events} == {
        ("primary", AuditMode.READ, AuditOutcome.GOOD),
        ("azure", AuditMode.READ, AuditOutcome.GOOD),
    }
    assert all(event.files_read == event.files for event in events)
    assert world.audits.unfinished() == ()


def test_findings_fail_the_run_without_a_retry_and_change_nothing(world: World, run: Callable[..., Any]) -> None:
    world.destination.remove(f"{V1}/data/a.txt")
    before = world.destination.contents()

    finished = run(location="azure", mode="list")

    assert str(finished.state) == "failed"
    assert states(finished) == {"plan": ["success"], "audit": ["success"], "conclude": ["failed"]}
    assert max(task.try_number for task in finished.get_task_instances()) == 1
    assert world.destination.contents() == before
    [event] = world.audits.history(BAG)
    assert (event.outcome, event.findings) == (AuditOutcome.FINDINGS, 1)


def test_nothing_to_look_at_succeeds(run: Callable[..., Any], world: World) -> None:
    finished = run(space="no-such-space", mode="read", location="azure")

    assert str(finished.state) == "success"
    assert states(finished) == {"plan": ["success"], "audit": ["skipped"], "conclude": ["success"]}
