"""Which workers a task goes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"


def queues() -> dict[tuple[str, str], str]:
    bag: Any = DagBag(dag_folder=str(DAGS), bundle_name="dags")
    assert bag.import_errors == {}
    return {(dag_id, task.task_id): task.queue for dag_id, dag in bag.dags.items() for task in dag.tasks}


def test_without_options_every_task_goes_to_the_default_queue() -> None:
    assert set(queues().values()) == {"default"}


def test_what_moves_bytes_and_what_reads_back_go_to_queues_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for work in ("control", "copy", "verify"):
        monkeypatch.setenv(f"AIRFLOW__BAGFILL__{work.upper()}_QUEUE", f"the-{work}-queue")
    found = queues()
    assert {task for task, queue in found.items() if queue == "the-copy-queue"} == {
        ("backfill_bag", "copy"),
        ("backfill_parcels", "parcel"),
        ("check_installation", "copy"),
    }
    assert {task for task, queue in found.items() if queue == "the-verify-queue"} == {
        ("backfill_bag", "verify"),
        ("audit_replicas", "audit"),
        ("check_installation", "verify"),
    }
    # Everything else is short, and never waits behind a copy.
    assert set(found.values()) == {"the-control-queue", "the-copy-queue", "the-verify-queue"}
