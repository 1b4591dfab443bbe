"""Whole runs of ``sweep_unbackfilled_bags``: which runs it starts, and that it starts each once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from bagfill.bag.identifiers import BagId
from bagfill.steps.run_ids import run_id_of
from bagfill.steps.services import Policy, Services
from world import World, bag_files

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__("bagfill.wiring")
        self.world = world
        self.policies: tuple[Policy, ...] = (Policy((), ("azure",)),)

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        yield self.world.services(policies=self.policies)


@pytest.fixture
def names(request: pytest.FixtureRequest) -> list[str]:
    """Bags of this test alone: the runs of other tests are in the same database."""
    return [f"space {{{{ 1 }}}}/{request.node.name}.{letter}" for letter in "abc"]


@pytest.fixture
def wiring(names: list[str], monkeypatch: pytest.MonkeyPatch) -> Wiring:
    world = World()
    for name in names:
        world.add(f"{name}/v1", bag_files(BagId.parse(name), {"a.txt": b"alpha"}))
    wiring = Wiring(world)
    monkeypatch.setitem(sys.modules, "bagfill.wiring", wiring)
    return wiring


@pytest.fixture
def sweep(wiring: Wiring, airflow_database: Path) -> Callable[..., Any]:
    dag = DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags["sweep_unbackfilled_bags"]

    def sweep(**conf: Any) -> Any:
        return dag.test(run_conf=conf)

    return sweep


def started() -> dict[str, Any]:
    """Conf of the runs of ``backfill_bag`` that sweeps started, by run id."""
    with create_session() as session:
        runs = session.scalars(
            select(DagRun).where(DagRun.dag_id == "backfill_bag", DagRun.run_id.like("bag\\_\\_%", escape="\\"))
        )
        return {run.run_id: (run.conf, run.logical_date) for run in runs}


def states(run: Any) -> list[str]:
    return sorted(str(task.state) for task in run.get_task_instances() if task.task_id == "start")


def run_ids(names: list[str]) -> set[str]:
    return {run_id_of(BagId.parse(name), "azure", 1) for name in names}


def test_every_missing_bag_is_started_once(sweep: Callable[..., Any], names: list[str]) -> None:
    first = sweep()
    assert str(first.state) == "success"
    found = {run_id: run for run_id, run in started().items() if run_id in run_ids(names)}
    assert set(found) == run_ids(names)
    conf, logical_date = found[run_id_of(BagId.parse(names[0]), "azure", 1)]
    space, _, identifier = names[0].partition("/")
    # Text with braces comes out as it went in: it is no template.
    assert conf == {"space": space, "external_identifier": identifier, "destination": "azure"}
    assert logical_date is None

    before = set(started())
    second = sweep()
    assert str(second.state) == "success"
    assert states(second) == ["skipped"] * 3
    assert set(started()) == before


def test_a_dry_run_starts_nothing_and_says_what_it_would_start(sweep: Callable[..., Any], names: list[str]) -> None:
    before = set(started())
    run = sweep(dry_run=True)

    assert str(run.state) == "success"
    assert set(started()) == before
    with create_session() as session:
        told = session.scalars(XComModel.get_many(run_id=run.run_id, key="would_start")).one().value
    assert names[0] in str(told)


def test_the_limit_holds(sweep: Callable[..., Any], names: list[str]) -> None:
    before = set(started())
    sweep(limit=2)
    assert len(set(started()) - before) == 2


def test_a_sweep_that_finds_nothing_succeeds(sweep: Callable[..., Any]) -> None:
    run = sweep(space="no-such-space")
    assert str(run.state) == "success"
    assert states(run) == ["skipped"]


def test_a_destination_that_no_policy_names_is_refused(
    sweep: Callable[..., Any], wiring: Wiring, names: list[str]
) -> None:
    wiring.policies = (Policy(("elsewhere",), ("primary",)),)
    run = sweep(destination="azure")
    assert str(run.state) == "failed"
    [find] = [task for task in run.get_task_instances() if task.task_id == "find"]
    assert find.try_number == 1
