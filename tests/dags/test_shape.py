"""Which tasks there are, in which order, and what lets each of them run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import timezone
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    return dict(DagBag(dag_folder=str(DAGS), bundle_name="dags").dags)


def test_backfill_bag_has_a_task_for_each_step(dags: dict[str, Any]) -> None:
    assert dags["backfill_bag"].task_ids == [
        "open_ingest",
        "plan_replication",
        "thaw.request",
        "thaw.wait",
        "copy",
        "verify",
        "register",
        "close_ingest",
    ]


def test_the_steps_follow_each_other(dags: dict[str, Any]) -> None:
    dag = dags["backfill_bag"]
    order = dag.task_ids
    for before, after in pairwise(order):
        assert after in dag.get_task(before).downstream_task_ids, (before, after)


def test_copy_and_verify_are_mapped_over_the_shares_that_waiting_hands_out(dags: dict[str, Any]) -> None:
    for task_id in ("copy", "verify"):
        task = dags["backfill_bag"].get_task(task_id)
        assert task.is_mapped
        [(name, source)] = task.expand_input.value.items()
        assert (name, source.operator.task_id) == ("share", "thaw.wait")
        assert task.partial_kwargs["max_active_tis_per_dagrun"] > 0


def test_a_failed_shard_holds_up_no_other_version(dags: dict[str, Any]) -> None:
    for task_id in ("verify", "register"):
        assert dags["backfill_bag"].get_task(task_id).trigger_rule == "all_done_min_one_success"


def test_close_ingest_always_runs_and_decides_the_run(dags: dict[str, Any]) -> None:
    closing = dags["backfill_bag"].get_task("close_ingest")
    assert closing.is_teardown
    assert closing.trigger_rule == "all_done_setup_success"
    assert closing.on_failure_fail_dagrun
    assert not closing.downstream_task_ids


def test_backfill_bag_runs_when_asked_and_is_never_paused_at_first(dags: dict[str, Any]) -> None:
    dag = dags["backfill_bag"]
    assert dag.schedule is None
    assert dag.is_paused_upon_creation is False
    assert dag.max_active_runs >= 16


def test_waiting_outlasts_the_slowest_thaw(dags: dict[str, Any]) -> None:
    waiting = dags["backfill_bag"].get_task("thaw.wait")
    assert waiting.timeout >= 48 * 3600
    assert waiting.execution_timeout is None


def test_the_form_asks_for_what_a_request_may_say(dags: dict[str, Any]) -> None:
    from bagfill.steps.requests import FIELDS

    assert set(dags["backfill_bag"].params) == set(FIELDS)


def test_the_form_offers_the_configured_locations(dags: dict[str, Any]) -> None:
    params = dags["backfill_bag"].params
    assert params.get_param("destination").schema["enum"] == ["azure", "shelf"]
    assert params.get_param("source").schema["enum"] == ["primary", "azure", "shelf", None]


def test_the_sweep_spends_nothing_before_a_person_switches_it_on_and_not_at_that_moment(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    dag = dags["sweep_unbackfilled_bags"]
    assert dag.is_paused_upon_creation is True
    now = timezone.datetime(2026, 5, 1, 0, 10)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: now)
    timetable = coerce_to_core_timetable(dag.timetable)
    assert dag.start_date is None
    coming = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(earliest=None, latest=None, catchup=dag.catchup)
    )
    assert coming is not None
    assert coming.run_after == timezone.datetime(2026, 5, 2)


def test_the_sweep_is_one_task_however_much_it_starts(dags: dict[str, Any]) -> None:
    assert dags["sweep_unbackfilled_bags"].task_ids == ["sweep"]


def test_parcels_are_mapped_and_what_they_leave_open_is_closed_whatever_happens(dags: dict[str, Any]) -> None:
    dag = dags["backfill_parcels"]
    assert dag.task_ids == ["unpack", "parcel", "close"]
    assert dag.schedule is None
    assert dag.is_paused_upon_creation is False
    parcel = dag.get_task("parcel")
    [(name, source)] = parcel.expand_input.value.items()
    assert (name, source.operator.task_id) == ("number", "unpack")
    assert parcel.partial_kwargs["max_active_tis_per_dagrun"] > 0
    closing = dag.get_task("close")
    assert closing.is_teardown
    # Else the run would be as good as its closing, whatever became of the parcels.
    assert not closing.on_failure_fail_dagrun


def test_audits_run_daily_once_a_person_has_switched_them_on(dags: dict[str, Any]) -> None:
    dag = dags["audit_replicas"]
    assert dag.task_ids == ["plan", "audit", "conclude"]
    assert dag.is_paused_upon_creation is True
    assert dag.max_active_runs == 1
    assert set(dag.params) == {"location", "mode", "space", "limit"}
    assert dag.get_task("conclude").trigger_rule == "all_done"
    assert dag.get_task("audit").is_mapped
