"""``verify``: read one shard back from the destination."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.verify_shard import verify_shard
from bagfill_airflow.operators.mapped import ShardOperator
from bagfill_airflow.outcomes import result_of
from bagfill_airflow.services import task_services


class VerifyShardOperator(ShardOperator):
    """Returns counts of files and bytes.

    Args:
        copied_by: id of the mapped task before; a version that lost a shard there is not read.
    """

    def __init__(self, *, copied_by: str = "copy", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.copied_by = copied_by

    def execute(self, context: Context) -> dict[str, int]:
        """Verify; what an earlier try finished is found again."""
        shard = self.shard(context)
        place, number = self.share
        self.require_sound(context, self.copied_by)
        if number >= self.planned()[place].verify_shards:
            self.log.info("This version has fewer shards to verify than to copy: nothing to do here.")
            return {"files": 0, "bytes": 0}
        with task_services() as services:
            outcome = verify_shard(services, shard)
        if isinstance(outcome, StepFailed) and outcome.reason is Reason.CAMPAIGN_HALTED:
            self.wait_for_campaign(shard, outcome)
        return result_of(outcome).to_json()
