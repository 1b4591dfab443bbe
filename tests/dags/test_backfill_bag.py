"""Whole runs of ``backfill_bag`` with ``dag.test()``: every task in this process, on stores in memory."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from airflow.dag_processing.dagbag import DagBag

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.registry.registry import Claim
from bagfill.steps.backfill import backfill
from bagfill.steps.services import Services
from bagfill.storage.faults import Fault, FaultKind
from bagfill_airflow.triggers.thaw import ThawTrigger
from world import SMALL, World, bag_files, contents

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
BAG = BagId.parse("digitised/b1234")
V1, V2, V3 = (f"{BAG}/v{number}" for number in (1, 2, 3))
REQUEST = {"space": str(BAG.space), "external_identifier": "b1234", "destination": "azure"}
ALL_STEPS = (
    "open_ingest",
    "plan_replication",
    "thaw.request",
    "thaw.wait",
    "copy",
    "verify",
    "register",
    "close_ingest",
)


class Finished:
    """A run that has ended."""

    def __init__(self, run: Any) -> None:
        self.state = str(run.state)
        self.run_id = str(run.run_id)
        self.tasks = list(run.get_task_instances())

    def states(self, task_id: str) -> Counter[str]:
        return Counter(str(task.state) for task in self.tasks if task.task_id == task_id)

    def tries(self, task_id: str) -> list[int]:
        return [task.try_number for task in self.tasks if task.task_id == task_id]


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__("bagfill.wiring")
        self.world = world
        self.faults: dict[str, Any] = {}

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        yield self.world.services(**self.faults)


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta", "c.txt": b"gamma", "d.txt": b"delta"}))
    return made


@pytest.fixture
def wiring(world: World, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    wiring = Wiring(world)
    monkeypatch.setitem(sys.modules, "bagfill.wiring", wiring)
    return wiring


@pytest.fixture
def run(wiring: Wiring, airflow_database: Path) -> Callable[..., Finished]:
    dag = DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags["backfill_bag"]
    return lambda **conf: Finished(dag.test(run_conf={**REQUEST, **conf}))


def ingests(world: World, run: Finished) -> list[Ingest]:
    return list(world.ingests.of_request(run.run_id))


def events(ingest: Ingest) -> str:
    return "\n".join(event.description for event in ingest.events)


def test_a_bag_arrives_and_is_registered(world: World, run: Callable[..., Finished]) -> None:
    # Braces in a name are no template.
    bag = BagId.parse("{{7*7}}/b1234")
    # Larger than a shard: two blocks, each for a task of its own.
    large = bytes(SMALL.block_bytes + 1)
    world.add(f"{bag}/v1", bag_files(bag, {"a.txt": b"alpha", "large.bin": large, "{{x}}.txt": b"{{x}}"}))
    finished = run(space="{{7*7}}")

    assert finished.state == "success"
    assert world.is_registered(f"{bag}/v1")
    assert world.at_destination(f"{bag}/v1") == contents(world.source, f"{bag}/v1/")
    assert {task.task_id for task in finished.tasks} == set(ALL_STEPS)
    assert all(set(finished.states(task_id)) == {"success"} for task_id in ALL_STEPS)
    assert [ingest.status for ingest in ingests(world, finished)] == [IngestStatus.SUCCEEDED]
    labels = {task.rendered_map_index for task in finished.tasks if task.task_id in {"copy", "verify"}}
    assert labels == {"v1 shard 1", "v1 shard 2", "v1 shard 3"}
    # Each of two mapped tasks staged its part of the large file, and one committed it.
    rows = [
        json.loads(line)
        for name, text in world.records.contents().items()
        if "/copied/" in name
        for line in text.splitlines()
    ]
    parts = [row for row in rows if row.get("path") == "data/large.bin"]
    assert [(row["outcome"], row["blocks"]) for row in parts] == [("staged", 1), ("staged", 1)]
    assert Counter(row["committed"] for row in parts) == {True: 1, False: 1}


def test_what_is_there_already_is_skipped_and_the_run_succeeds(world: World, run: Callable[..., Finished]) -> None:
    assert backfill(world.services(), world.request(str(BAG))).succeeded
    again = run()

    assert again.state == "success"
    for task_id in ALL_STEPS[1:-1]:
        assert set(again.states(task_id)) == {"skipped"}, task_id
    assert ingests(world, again) == []


def test_versions_are_registered_oldest_first_in_one_run(world: World, run: Callable[..., Finished]) -> None:
    world.add(V2, bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")}))
    finished = run()

    assert finished.state == "success"
    assert [str(ingest.bag_version) for ingest in ingests(world, finished)] == [V1, V2]
    assert world.is_registered(V2)


def test_a_version_that_cannot_be_copied_does_not_hold_up_the_others(
    world: World, run: Callable[..., Finished]
) -> None:
    world.add(V2, bag_files(BAG, {f"{n}.txt": str(n).encode() for n in range(9)}))
    world.add(V3, bag_files(BAG, {"three.txt": b"three"}))
    world.put(V2, {"data/4.txt": b"X"})
    finished = run()

    assert finished.state == "failed"
    assert [world.is_registered(version) for version in (V1, V2, V3)] == [True, False, True]
    assert finished.states("copy")["failed"] == 1
    assert finished.states("register") == Counter(success=1)
    # Whatever was read back of the lost version would have been read in vain.
    assert finished.states("verify")["failed"] == 4
    one, two, three = ingests(world, finished)
    assert (one.status, two.status, three.status) == (
        IngestStatus.SUCCEEDED,
        IngestStatus.FAILED,
        IngestStatus.SUCCEEDED,
    )
    assert two.reason is Reason.SOURCE_CORRUPT
    assert "data/4.txt" in events(two)


def test_a_lasting_failure_is_not_retried_and_says_why(world: World, run: Callable[..., Finished]) -> None:
    world.put(V1, {"data/a.txt": b"ALPHA"}, bucket=world.destination)
    finished = run()

    assert finished.state == "failed"
    assert world.at_destination(V1)["data/a.txt"] == b"ALPHA"
    [ingest] = ingests(world, finished)
    assert (ingest.status, ingest.reason) == (IngestStatus.FAILED, Reason.OTHER_BYTES_AT_DESTINATION)
    assert "data/a.txt" in events(ingest)
    assert finished.states("copy")["failed"] == 1
    assert max(finished.tries("copy")) == 1
    assert finished.states("close_ingest") == Counter(failed=1)
    assert not world.is_registered(V1)
    claim = world.registry.claim_of(BAG.version(1), "azure")
    assert claim is None or claim.expires <= world.clock(), "the claim was not given back"


def test_a_version_that_cannot_be_planned_does_not_hold_up_the_others(
    world: World, run: Callable[..., Finished]
) -> None:
    world.add(V2, bag_files(BAG, {"ends with a dot.": b"no"}))
    finished = run()

    assert finished.state == "failed"
    assert [world.is_registered(version) for version in (V1, V2)] == [True, False]
    assert finished.states("plan_replication") == Counter(success=1)
    assert ingests(world, finished)[1].reason is Reason.NAME_REFUSED


def test_when_no_version_can_be_planned_nothing_more_is_tried(world: World, run: Callable[..., Finished]) -> None:
    world.put(V1, {"data/stray.txt": b"stray"})
    finished = run()

    assert finished.state == "failed"
    assert finished.states("plan_replication") == Counter(failed=1)
    assert finished.tries("plan_replication") == [1]
    assert finished.states("copy") == Counter(upstream_failed=1)
    assert finished.tries("register") == [1]
    assert ingests(world, finished)[0].reason is Reason.SOURCE_INCOMPLETE


def test_a_passing_failure_is_retried(world: World, wiring: Wiring, run: Callable[..., Finished]) -> None:
    left = [1, 2]

    def decide(operation: str, key: str) -> Fault | None:
        if left and operation == "read" and "data/" in key:
            left.pop()
            return Fault(FaultKind.REFUSE)
        return None

    wiring.faults = {"source": decide}
    finished = run()

    assert finished.state == "success"
    assert max(finished.tries("copy")) > 1
    assert world.is_registered(V1)


def test_a_wrong_request_is_refused_before_anything_is_opened_and_told_every_problem(
    world: World, run: Callable[..., Finished], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    finished = run(sapce="x", external_identifier="/b1234", callback_url="https://elsewhere.example/")

    assert finished.state == "failed"
    assert finished.tries("open_ingest") == [1]
    assert finished.states("close_ingest") == Counter(failed=1)
    assert ingests(world, finished) == []
    captured = capfd.readouterr()
    for problem in ("'sapce': unknown field", "cannot start with a slash", "may not be called"):
        assert problem in captured.out + captured.err + caplog.text


def test_an_unknown_bag_fails_at_once(world: World, run: Callable[..., Finished]) -> None:
    finished = run(external_identifier="b9999")

    assert finished.state == "failed"
    assert finished.tries("open_ingest") == [1]


def test_a_version_that_another_run_works_on_is_left_alone(world: World, run: Callable[..., Finished]) -> None:
    other = world.registry.acquire(BAG.version(1), "azure", holder=str(UUID(int=7)), lease=timedelta(hours=1))
    assert isinstance(other, Claim)
    finished = run()

    assert finished.state == "failed"
    assert ingests(world, finished)[0].reason is Reason.ALREADY_RUNNING
    assert world.registry.claim_of(BAG.version(1), "azure") == other


def test_archived_objects_are_waited_for_by_the_trigger(
    world: World, run: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.archive(V1, "data/a.txt", "data/b.txt")
    pauses = []

    def pause(_: ThawTrigger, polls: int) -> float:
        pauses.append(polls)
        world.clock.advance(timedelta(hours=1))
        return 0.0

    monkeypatch.setattr(ThawTrigger, "_pause", pause)
    finished = run()

    assert finished.state == "success"
    assert len(pauses) == 4
    assert len(world.source.thaw_requests) == 2
    assert world.at_destination(V1)["data/a.txt"] == b"alpha"


def test_a_thawed_copy_that_expires_before_it_is_copied_is_waited_for_again(
    world: World, run: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bagfill_airflow.sensors.thaw import ThawSensor

    world.archive(V1, "data/a.txt")
    late = ThawSensor.resume

    def resume(self: ThawSensor, context: Any, event: Any) -> list[list[int]]:
        world.clock.advance(timedelta(days=30))
        return late(self, context, event)

    def pause(_: ThawTrigger, polls: int) -> float:
        world.clock.advance(timedelta(hours=5))
        return 0.0

    monkeypatch.setattr(ThawSensor, "resume", resume)
    monkeypatch.setattr(ThawTrigger, "_pause", pause)
    finished = run()

    assert finished.state == "success"
    assert len(world.source.thaw_requests) == 2
    assert set(finished.states("copy")) == {"success"}


def test_a_run_whose_shards_are_too_many_takes_what_fits(
    world: World, run: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(V2, bag_files(BAG, {"two.txt": b"two"}))
    plans = len(bag_files(BAG, {"a": b"", "b": b"", "c": b"", "d": b""})) // SMALL.shard_files
    monkeypatch.setattr("bagfill_airflow.references.fitting.__defaults__", (plans,))
    finished = run()

    assert finished.state == "failed"
    assert [world.is_registered(version) for version in (V1, V2)] == [True, False]
    assert ingests(world, finished)[1].reason is Reason.BUDGET_REACHED
    assert "left to another run" in events(ingests(world, finished)[1])
