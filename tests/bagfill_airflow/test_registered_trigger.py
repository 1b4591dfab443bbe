"""The trigger that watches for newly registered bags, and when its DAG and the sender's are scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill_airflow.operators.outbox import SendIngestUpdatesOperator
from bagfill_airflow.operators.registered_bags import ReceiveRegisteredBagsOperator
from bagfill_airflow.triggers import registered_bags
from bagfill_airflow.triggers.registered_bags import RegisteredBagsTrigger

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
_SETTINGS = """
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "shelf"
provider = "local"
path = "shelf"
writable = true
"""
_BESIDE = """
[storage_service.ingests]
tracker = "http://tracker:8080"
[storage_service.listener]
queue = "http://sqs:4566/000000000000/registered"
[storage_service.manifests]
table = "vhs-manifests"
bucket = "vhs-manifests"
"""


class Queue:
    """Says how many messages wait, one number after the other; an error in between is raised."""

    def __init__(self, *answers: int | StoreError) -> None:
        self.answers = list(answers)
        self.closed = 0

    def waiting(self) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Queue], RegisteredBagsTrigger]:
    def trigger(queue: Queue) -> RegisteredBagsTrigger:
        async def opened() -> Queue:
            await asyncio.sleep(0)
            return queue

        monkeypatch.setattr(registered_bags, "open_registered_queue", opened)
        return RegisteredBagsTrigger(poll_seconds=0.001, rest_seconds=0.001)

    return trigger


async def test_it_fires_while_messages_wait_and_takes_none(watched: Callable[[Queue], RegisteredBagsTrigger]) -> None:
    queue = Queue(0, 0, 3, 2)
    events = watched(queue).run()
    assert [(await anext(events)).payload for _ in range(2)] == [{"waiting": 3}, {"waiting": 2}]
    await events.aclose()  # type: ignore[attr-defined]
    assert queue.closed == 2


async def test_a_queue_that_does_not_answer_is_asked_again(watched: Callable[[Queue], RegisteredBagsTrigger]) -> None:
    silent = StoreError(StoreFailure.UNAVAILABLE, location="registered", key="", operation="count messages", detail="")
    events = watched(Queue(silent, 1)).run()
    assert (await anext(events)).payload == {"waiting": 1}
    await events.aclose()  # type: ignore[attr-defined]


def test_it_is_built_again_from_what_it_says_of_itself() -> None:
    path, arguments = RegisteredBagsTrigger(poll_seconds=5, rest_seconds=7).serialize()
    assert path == f"{RegisteredBagsTrigger.__module__}.RegisteredBagsTrigger"
    assert RegisteredBagsTrigger(**arguments).serialize() == (path, arguments)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def write(more: str) -> None:
        file = tmp_path / "bagfill.toml"
        file.write_text(_SETTINGS + more)
        monkeypatch.setenv("BAGFILL_CONFIG", str(file))

    return write


@pytest.mark.parametrize("beside", [False, True], ids=["by itself", "beside a service"])
def test_the_dags_are_scheduled_beside_a_service_alone(settings: Callable[[str], None], beside: bool) -> None:
    settings(_BESIDE if beside else "")
    dags: dict[str, Any] = {}
    for name in ("backfill_registered_bags", "send_ingest_updates", "import_service_bags"):
        dags |= DagBag(dag_folder=str(DAGS / f"{name}.py"), bundle_name="dags").dags
    watched, sending = dags["backfill_registered_bags"], dags["send_ingest_updates"]
    assert watched.is_paused_upon_creation
    names = [asset.name for asset in watched.schedule or ()]
    assert names == (["bagfill_registered_bags"] if beside else [])
    assert (sending.schedule is not None) == beside
    assert (dags["import_service_bags"].schedule is not None) == beside


@pytest.mark.parametrize("kind", [SendIngestUpdatesOperator, ReceiveRegisteredBagsOperator])
def test_without_a_service_their_tasks_are_skipped(settings: Callable[[str], None], kind: Any) -> None:
    settings("")
    with pytest.raises(AirflowSkipException, match="storage_service"):
        kind(task_id="x").execute({})
