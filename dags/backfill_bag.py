"""# Backfill a bag

Replicates the versions of one bag that are missing at a location, oldest first:

1. **open_ingest** checks the request, opens an ingest for each version and claims it.
2. **plan_replication** compares storage manifest and source, checks names, finds archived objects, cuts shards.
3. **thaw** asks for what is archived and waits until it can be read, without holding a worker.
4. **copy** copies each shard. Nothing at the destination is ever overwritten.
5. **verify** reads every byte back from the destination and compares all checksums.
6. **register** checks the whole bag, writes the receipt and adds the location to the storage manifest.
7. **close_ingest** always runs, even when the run is marked failed by hand: final status, callback, claim released.

A version that cannot be replicated does not hold up the others; the run fails in the end, and the version's ingest
says why. If nothing is missing, tasks are skipped and the run succeeds. Retried tasks find finished work again.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import TaskGroup, TriggerRule, chain, dag

from bagfill_airflow.defaults import Work, default_args, queue, runs_at_once, shards_at_once, thaw_timeout
from bagfill_airflow.form import Places, backfill_params
from bagfill_airflow.operators.close_ingest import CloseIngestOperator
from bagfill_airflow.operators.copy_shard import CopyShardOperator
from bagfill_airflow.operators.mapped import LABEL
from bagfill_airflow.operators.open_ingest import OpenIngestOperator
from bagfill_airflow.operators.plan_replication import PlanReplicationOperator
from bagfill_airflow.operators.register_replica import RegisterReplicaOperator
from bagfill_airflow.operators.request_thaw import RequestThawOperator
from bagfill_airflow.operators.verify_shard import VerifyShardOperator
from bagfill_airflow.sensors.thaw import ThawSensor

PLACES = Places.read()


@dag(
    dag_display_name="Backfill a bag",
    description="Replicate a bag to a location, prove it, register it",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=None,
    params=backfill_params(PLACES),
    default_args=default_args(),
    max_active_runs=runs_at_once(),
    # So that a run which is started by REST does not wait for somebody to switch the DAG on.
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    tags=["bagfill", "replication"],
)
def backfill_bag() -> None:
    """Tasks and arrows."""
    opening = OpenIngestOperator(task_id="open_ingest", execution_timeout=timedelta(hours=1))
    opened = opening.output
    planning = PlanReplicationOperator(task_id="plan_replication", opened=opened, execution_timeout=timedelta(hours=6))
    plans = planning.output

    with TaskGroup("thaw", tooltip="Make archived objects readable"):
        asking = RequestThawOperator(
            task_id="request", opened=opened, plans=plans, execution_timeout=timedelta(hours=12)
        )
        waiting = ThawSensor(task_id="wait", opened=opened, plans=plans, asked=asking.output, timeout=thaw_timeout())

    shards = {
        "opened": opened,
        "plans": plans,
        "map_index_template": LABEL,
        "max_active_tis_per_dagrun": shards_at_once(),
    }
    # No execution_timeout for copying: it would also count while a copy waits for a second thaw.
    copying = CopyShardOperator.partial(task_id="copy", queue=queue(Work.COPY), **shards).expand(share=waiting.output)
    # A version that lost a shard does not hold up the others.
    others_go_on = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
    verifying = VerifyShardOperator.partial(
        task_id="verify",
        queue=queue(Work.VERIFY),
        shares=waiting.output,
        trigger_rule=others_go_on,
        execution_timeout=timedelta(hours=24),
        **shards,
    ).expand(share=waiting.output)
    registering = RegisterReplicaOperator(
        task_id="register", opened=opened, shares=waiting.output, trigger_rule=others_go_on
    )
    closing = CloseIngestOperator(task_id="close_ingest", opened=opened)

    chain(opening, planning, asking, waiting, copying, verifying, registering, closing)
    # A teardown runs whatever happened before it, and also when a person marks the run as failed.
    closing.as_teardown(on_failure_fail_dagrun=True)


backfill_bag()
