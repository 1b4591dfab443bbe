"""``thaw.wait`` costs nothing where nothing is archived, and holds no worker where something is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.outcomes import StepRetry
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.sensors.thaw import ThawSensor, poll_interval
from bagfill_airflow.triggers.thaw import ThawTrigger


def ref(number: int, tier: str = "Bulk") -> IngestRef:
    return IngestRef(f"00000000-0000-0000-0000-00000000000{number}", f"s/b/v{number}", "a", "z", 1, tier, 1)


def sensor(plans: list[list[int]], places: list[int]) -> ThawSensor:
    return ThawSensor(
        task_id="wait",
        opened=pack_ingests([ref(1), ref(2), ref(3)]),
        plans={"plans": plans},
        asked={"places": places},
        timeout=timedelta(days=5),
    )


CONTEXT: Any = {}


def test_without_archived_objects_it_hands_out_the_shares_at_once() -> None:
    assert sensor([[0, 0, 2, 1], [2, 0, 1, 1]], [0, 2]).execute(CONTEXT) == [[0, 0], [0, 1], [2, 0]]


def test_it_waits_only_for_versions_with_archived_objects_that_were_asked_for() -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor([[0, 5, 1, 1], [1, 0, 1, 1], [2, 7, 1, 1]], [0, 1]).execute(CONTEXT)
    trigger = deferred.value.trigger
    assert isinstance(trigger, ThawTrigger)
    assert trigger.places == [0]
    assert deferred.value.method_name == "resume"
    assert deferred.value.timeout == timedelta(days=5)


def event(**changes: Any) -> dict[str, Any]:
    return {"readable": [], "failed": {}, "trouble": None, **changes}


def test_after_the_thaw_all_versions_go_on() -> None:
    resumed = sensor([[0, 5, 1, 1], [1, 0, 2, 1]], [0, 1]).resume(CONTEXT, event(readable=[0]))
    assert resumed == [[0, 0], [1, 0], [1, 1]]


def test_a_version_that_cannot_be_thawed_is_left_behind() -> None:
    resumed = sensor([[0, 5, 1, 1], [1, 9, 1, 1]], [0, 1]).resume(CONTEXT, event(readable=[1], failed={"0": "denied"}))
    assert resumed == [[1, 0]]


def test_without_any_version_left_it_fails_with_the_text() -> None:
    with pytest.raises(AirflowFailException, match="thaw-refused"):
        sensor([[0, 5, 1, 1]], [0]).resume(CONTEXT, event(failed={"0": "thaw-refused: no"}))


def test_trouble_is_retried() -> None:
    with pytest.raises(StepRetry, match="503"):
        sensor([[0, 5, 1, 1]], [0]).resume(CONTEXT, event(trouble="503"))


def test_the_fastest_tier_sets_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    # The test's Airflow configures its own pace.
    monkeypatch.setattr("bagfill_airflow.sensors.thaw.number", lambda _, default: default)
    assert poll_interval([ref(1, "Bulk"), ref(2, "Expedited")]) == (30.0, 120.0)
    assert poll_interval([ref(1, "Bulk")]) == (900.0, 1800.0)


def test_the_pace_can_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__BAGFILL__THAW_POLL_SECONDS", "2")
    assert poll_interval([ref(1, "Bulk")]) == (2.0, 8.0)
