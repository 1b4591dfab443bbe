"""A copy or verification that its campaign stopped waits in the triggerer, and does the whole task again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill_airflow.operators import copy_shard, verify_shard
from bagfill_airflow.operators.copy_shard import CopyShardOperator
from bagfill_airflow.operators.mapped import ShardOperator
from bagfill_airflow.operators.verify_shard import VerifyShardOperator
from bagfill_airflow.outcomes import StepRetry
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.triggers.campaign import CampaignTrigger

REF = IngestRef("00000000-0000-0000-0000-000000000001", "s/b/v1", "a", "z", 1, "Standard", 1, "azure-2026")
MIDNIGHT = datetime(2026, 5, 2, tzinfo=UTC)
HALTED = StepFailed(Reason.CAMPAIGN_HALTED, "s/b/v1 to z: campaign azure-2026 is paused.", again=MIDNIGHT)


@pytest.fixture(
    params=[(CopyShardOperator, copy_shard, "copy_shard"), (VerifyShardOperator, verify_shard, "verify_shard")]
)
def operator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ShardOperator:
    kind, module, step = request.param

    @contextmanager
    def services() -> Iterator[None]:
        yield None

    monkeypatch.setattr(module, "task_services", services)
    monkeypatch.setattr(module, step, lambda *_: HALTED)
    monkeypatch.setattr(kind, "require_sound", lambda *_: None)
    made = kind(task_id="t", opened=pack_ingests([REF]), plans={"plans": [[0, 0, 1, 1]]}, share=[0, 0])
    return cast("ShardOperator", made)


def test_a_halted_task_waits_for_its_campaign_with_what_it_knows(operator: ShardOperator) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(cast("Any", {}))
    trigger = deferred.value.trigger
    assert isinstance(trigger, CampaignTrigger)
    assert IngestRef.from_json(trigger.ref) == REF
    assert trigger.again == MIDNIGHT.isoformat()
    assert deferred.value.method_name == "go_on"


def test_afterwards_it_does_the_whole_task_again(operator: ShardOperator) -> None:
    with pytest.raises(TaskDeferred):
        operator.go_on(cast("Any", {}), {"failed": None, "trouble": None})
    with pytest.raises(AirflowFailException, match="cancelled"):
        operator.go_on(cast("Any", {}), {"failed": "campaign azure-2026 is cancelled", "trouble": None})
    with pytest.raises(StepRetry, match="no database"):
        operator.go_on(cast("Any", {}), {"failed": None, "trouble": "no database"})
