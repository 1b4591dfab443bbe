"""``plan_replication``: plan every open ingest of the run."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from bagfill.ingests.reasons import Reason
from bagfill.steps.failures import record_failure
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.services import Services
from bagfill_airflow.defaults import MOST_MAPPED
from bagfill_airflow.operators.step import RunOperator
from bagfill_airflow.outcomes import is_last_try, settle, skip
from bagfill_airflow.references import Planned, fitting
from bagfill_airflow.services import task_services


class PlanReplicationOperator(RunOperator):
    """Returns ``plans``: place, archived files, copy shards and verify shards of each version that goes on."""

    def execute(self, context: Context) -> dict[str, Any]:
        """A version that cannot be planned has its reason in its ingest; finished plans are found again by a retry."""
        refs = self.refs()
        if not refs:
            skip(f"Nothing to do: {self.opened['already_there']} bag version(s) are there already.")
        plans: list[Planned] = []
        failures: dict[str, StepFailed] = {}
        files = size = 0
        with task_services() as services:
            for place, ref in enumerate(refs):
                outcome = plan_replication(services, ref)
                if isinstance(outcome, StepFailed):
                    failures[ref.bag_version] = outcome
                    continue
                plans.append(Planned.of(place, outcome))
                files, size = files + outcome.files, size + outcome.bytes
            # Only when no retry can change what is planned is it sure which versions do not fit.
            settle(failures, done=plans, last_try=is_last_try(context["ti"]))
            plans, beyond = fitting(plans)
            for plan in beyond:
                failures[refs[plan.place].bag_version] = _beyond(services, refs[plan.place], plan)
        if beyond:
            settle(failures, done=plans, last_try=True)
        return {"plans": [plan.to_json() for plan in plans], "files": files, "bytes": size}


def _beyond(services: Services, ref: IngestRef, plan: Planned) -> StepFailed:
    message = (
        f"{ref.bag_version} has {plan.shards} shards, more than are left of the {MOST_MAPPED} of one run; it is left "
        "to another run. Larger shards (limits.shard_bytes, limits.shard_files) let more fit."
    )
    failure = StepFailed(Reason.BUDGET_REACHED, message)
    return record_failure(services, ref, f"replicating to {ref.destination}", failure, final=True)
