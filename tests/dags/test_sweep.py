"""Whole runs of ``sweep_unbackfilled_bags`` and ``backfill_parcels``: what is started, once, and what becomes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.steps.run_ids import run_id_of
from bagfill.steps.services import Policy, Services
from bagfill.steps.shipments import MOST_PARCELS
from bagfill.storage.faults import Fault, FaultKind
from world import World, bag_files

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__("bagfill.wiring")
        self.world = world
        self.policies: tuple[Policy, ...] = (Policy((), ("azure",)),)
        self.faults: dict[str, Any] = {}

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        yield self.world.services(policies=self.policies, **self.faults)


@pytest.fixture
def names(request: pytest.FixtureRequest) -> list[str]:
    """Bags of this test alone: the runs of other tests are in the same database."""
    return [f"space {{{{ 1 }}}}/{request.node.name}.{letter}" for letter in "abc"]


@pytest.fixture
def world(names: list[str]) -> World:
    world = World()
    for name in names:
        world.add(f"{name}/v1", bag_files(BagId.parse(name), {"a.txt": b"alpha", "b.txt": name.encode()}))
    return world


@pytest.fixture
def wiring(world: World, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    wiring = Wiring(world)
    monkeypatch.setitem(sys.modules, "bagfill.wiring", wiring)
    return wiring


@pytest.fixture
def dags(wiring: Wiring, airflow_database: Path) -> dict[str, Any]:
    return dict(DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags)


@pytest.fixture
def sweep(dags: dict[str, Any]) -> Callable[..., Any]:
    def sweep(**conf: Any) -> Any:
        return dags["sweep_unbackfilled_bags"].test(run_conf=conf)

    return sweep


@pytest.fixture
def deliver(dags: dict[str, Any]) -> Callable[[DagRun], Any]:
    """Run the parcels that a sweep has started, under another id: `dag.test` makes runs of its own."""
    return lambda run: dags["backfill_parcels"].test(run_conf=run.conf)


def started(dag_id: str = "backfill_bag") -> dict[str, DagRun]:
    """Runs that sweeps started, by run id."""
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_type == "operator_triggered"))
        return {run.run_id: run for run in found}


def returned(run: Any, task_id: str, key: str = "return_value") -> list[Any]:
    with create_session() as session:
        rows = session.scalars(XComModel.get_many(run_id=run.run_id, key=key, task_ids=[task_id], dag_ids=[run.dag_id]))
        return [row.value if not isinstance(row.value, str) else json.loads(row.value) for row in rows]


def tasks(run: Any, task_id: str) -> list[Any]:
    return [task for task in run.get_task_instances() if task.task_id == task_id]


def ids(names: list[str], attempt: int = 1) -> set[str]:
    return {run_id_of(BagId.parse(name), "azure", attempt) for name in names}


def without_parcels(world: World) -> None:
    world.limits = replace(world.limits, parcel_bags=0)


def test_every_bag_is_started_once_in_a_run_of_its_own_where_there_are_no_parcels(
    sweep: Callable[..., Any], world: World, names: list[str]
) -> None:
    without_parcels(world)
    first = sweep()
    assert str(first.state) == "success"
    found = {run_id: run for run_id, run in started().items() if run_id in ids(names)}
    assert set(found) == ids(names)
    run = found[run_id_of(BagId.parse(names[0]), "azure", 1)]
    space, _, identifier = names[0].partition("/")
    # Text with braces comes out as it went in: it is no template.
    assert run.conf == {"space": space, "external_identifier": identifier, "destination": "azure"}
    assert run.logical_date is None

    before = set(started())
    second = sweep()
    assert str(second.state) == "success"
    [counts] = returned(second, "sweep")
    assert (counts["runs"], counts["there_already"]) == (0, 3)
    assert set(started()) == before


def test_a_run_that_failed_before_it_opened_anything_is_started_again(
    sweep: Callable[..., Any], world: World, names: list[str]
) -> None:
    without_parcels(world)
    sweep()
    [run_id] = ids(names[:1])
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        run.state = DagRunState.FAILED
    [counts] = returned(sweep(), "sweep")
    assert (counts["runs"], counts["there_already"]) == (1, 2)
    assert started()[run_id].state == DagRunState.QUEUED


def test_small_bags_are_delivered_in_parcels(
    sweep: Callable[..., Any], deliver: Callable[[DagRun], Any], world: World, names: list[str]
) -> None:
    world.limits = replace(world.limits, parcel_bags=2)
    before = set(started("backfill_parcels"))
    swept = sweep()
    [counts] = returned(swept, "sweep")
    assert (counts["bags"], counts["parcels"], counts["shipments"], counts["runs"]) == (3, 2, 1, 0)
    [run_id] = set(started("backfill_parcels")) - before
    [again] = returned(sweep(), "sweep")
    assert (again["bags"], again["there_already"]) == (0, 1)

    finished = deliver(started("backfill_parcels")[run_id])
    assert str(finished.state) == "success"
    assert all(world.is_registered(f"{name}/v1") for name in names)
    parcels = tasks(finished, "parcel")
    assert {task.rendered_map_index for task in parcels} == {"parcel 1: 2 of 2 bags", "parcel 2: 1 of 1 bags"}
    assert sorted(counts["registered"] for counts in returned(finished, "parcel")) == [1, 2]
    assert [returned(sweep(), "sweep")[0]["bags"]] == [0]


def test_a_bad_bag_fails_its_parcel_without_a_retry_and_not_its_neighbours(
    sweep: Callable[..., Any], deliver: Callable[[DagRun], Any], world: World, names: list[str]
) -> None:
    world.put(f"{names[1]}/v1", {"data/b.txt": names[1].upper().encode()})
    before = set(started("backfill_parcels"))
    sweep()
    [run_id] = set(started("backfill_parcels")) - before
    finished = deliver(started("backfill_parcels")[run_id])

    assert str(finished.state) == "failed"
    [parcel] = tasks(finished, "parcel")
    assert (parcel.try_number, parcel.rendered_map_index) == (1, "parcel 1: 2 of 3 bags")
    assert [str(task.state) for task in tasks(finished, "close")] == ["success"]
    assert [world.is_registered(f"{name}/v1") for name in names] == [True, False, True]
    [ingest] = world.ingests.of_bag(BagId.parse(names[1]), "azure")
    assert ingest.reason is Reason.SOURCE_CORRUPT


def test_a_parcel_is_retried_for_bags_that_failed_for_a_passing_reason(
    sweep: Callable[..., Any], deliver: Callable[[DagRun], Any], wiring: Wiring, names: list[str]
) -> None:
    before = set(started("backfill_parcels"))
    sweep()
    [run_id] = set(started("backfill_parcels")) - before
    left = [1, 2]

    def refuse(operation: str, key: str) -> Fault | None:
        if left and operation == "read" and f"{names[1]}/v1/data" in key:
            left.pop()
            return Fault(FaultKind.REFUSE)
        return None

    wiring.faults = {"source": refuse}
    finished = deliver(started("backfill_parcels")[run_id])
    assert str(finished.state) == "success"
    assert [task.try_number for task in tasks(finished, "parcel")] == [2]
    for name in names:
        [ingest] = wiring.world.ingests.of_bag(BagId.parse(name), "azure")
        assert ingest.status is IngestStatus.SUCCEEDED


def test_an_archived_bag_of_a_parcel_gets_a_run_of_its_own(
    sweep: Callable[..., Any], deliver: Callable[[DagRun], Any], world: World, names: list[str]
) -> None:
    world.archive(f"{names[1]}/v1", "data/a.txt")
    before = set(started("backfill_parcels"))
    sweep()
    [run_id] = set(started("backfill_parcels")) - before
    finished = deliver(started("backfill_parcels")[run_id])

    assert str(finished.state) == "success"
    assert [world.is_registered(f"{name}/v1") for name in names] == [True, False, True]
    assert ids(names[1:2], attempt=2) <= set(started())
    assert world.source.thaw_requests == []
    [counts] = returned(sweep(), "sweep")
    assert (counts["runs"], counts["there_already"]) == (0, 1)


def test_parcels_that_are_not_there_fail_at_once(dags: dict[str, Any], names: list[str]) -> None:
    finished = dags["backfill_parcels"].test(run_conf={"shipment": "0" * 32})
    assert str(finished.state) == "failed"
    assert [task.try_number for task in tasks(finished, "unpack")] == [1]


def test_a_dry_run_starts_nothing_and_says_what_it_would_start(
    sweep: Callable[..., Any], world: World, names: list[str]
) -> None:
    before = set(started()) | set(started("backfill_parcels"))
    records = set(world.records.contents())
    run = sweep(dry_run=True)

    assert str(run.state) == "success"
    assert set(started()) | set(started("backfill_parcels")) == before
    assert set(world.records.contents()) == records
    [told] = returned(run, "sweep", "would_start")
    assert told[0]["what"].startswith("3 small bag(s)")
    without_parcels(world)
    [told] = returned(sweep(dry_run=True), "sweep", "would_start")
    assert {each["what"] for each in told} == set(names)


def test_the_limit_counts_bags(sweep: Callable[..., Any], world: World, names: list[str]) -> None:
    [counts] = returned(sweep(limit=2), "sweep")
    assert counts["bags"] == 2
    without_parcels(world)
    before = set(started())
    sweep(limit=2)
    assert len(set(started()) - before) == 2


def test_a_sweep_that_finds_nothing_succeeds(sweep: Callable[..., Any]) -> None:
    run = sweep(space="no-such-space")
    assert str(run.state) == "success"
    assert returned(run, "sweep")[0]["bags"] == 0


def test_a_destination_that_no_policy_names_is_refused(
    sweep: Callable[..., Any], wiring: Wiring, names: list[str]
) -> None:
    wiring.policies = (Policy(("elsewhere",), ("primary",)),)
    run = sweep(destination="azure")
    assert str(run.state) == "failed"
    assert [task.try_number for task in tasks(run, "sweep")] == [1]


def test_what_tasks_hand_to_each_other_stays_small(
    sweep: Callable[..., Any], dags: dict[str, Any], world: World, names: list[str]
) -> None:
    numbers = list(range(MOST_PARCELS))
    assert len(json.dumps(numbers)) < 10_000
    [counts] = returned(sweep(), "sweep")
    assert len(json.dumps(counts)) < 1000
