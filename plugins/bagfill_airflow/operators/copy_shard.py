"""``copy``: copy one shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.ingests.reasons import Reason
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.outcomes import StepFailed
from bagfill_airflow.defaults import thaw_timeout
from bagfill_airflow.operators.mapped import ShardOperator
from bagfill_airflow.outcomes import result_of
from bagfill_airflow.sensors.thaw import after_thaw, thaw_trigger
from bagfill_airflow.services import task_services

_MOST_THAWS = 3


class CopyShardOperator(ShardOperator):
    """Returns counts of files and bytes. Thawed copies that went away are waited for again, in the triggerer."""

    def execute(self, context: Context) -> dict[str, int]:
        """Copy; what an earlier try finished is found again."""
        return self._copy(context, thaws=0)

    def resume(self, context: Context, event: Mapping[str, Any], thaws: int) -> dict[str, int]:
        """Go on when the objects are readable once more."""
        _, failed = after_thaw(event)
        if failed:
            raise AirflowFailException("\n".join(failed.values()))
        return self._copy(context, thaws)

    def _copy(self, context: Context, thaws: int) -> dict[str, int]:
        shard = self.shard(context)
        place, number = self.share
        if number >= self.planned()[place].copy_shards:
            self.log.info("This version has fewer shards to copy than to verify: nothing to do here.")
            return {"files": 0, "bytes": 0, "already_there": 0}
        with task_services() as services:
            outcome = copy_shard(services, shard)
        if isinstance(outcome, StepFailed) and outcome.reason is Reason.CAMPAIGN_HALTED:
            self.wait_for_campaign(shard, outcome)
        expired = isinstance(outcome, StepFailed) and outcome.reason is Reason.THAW_EXPIRED
        not_due = isinstance(outcome, StepFailed) and outcome.reason is Reason.THAW_NOT_DUE
        if isinstance(outcome, StepFailed) and (not_due or (expired and thaws < _MOST_THAWS)):
            self.log.warning("%s", outcome.text)
            # Waiting for one's turn is no failure of a thaw, however often it happens.
            self.defer(
                trigger=thaw_trigger(self.opened, [place], shard=number),
                method_name="resume",
                kwargs={"thaws": thaws + expired},
                timeout=thaw_timeout(),
            )
        return result_of(outcome).to_json()
