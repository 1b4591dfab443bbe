"""# Backfill newly registered bags

Where a storage service announces the bags that it registers (`[storage_service.listener]`): starts `backfill_bag` for
each location of the policies that such a bag lacks, within a minute. Messages are deleted once their work is recorded;
what comes twice, or is lost, changes nothing, for `sweep_unbackfilled_bags` finds what is missing by itself.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, AssetWatcher, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places
from bagfill_airflow.operators.registered_bags import ReceiveRegisteredBagsOperator
from bagfill_airflow.triggers.registered_bags import RegisteredBagsTrigger

PLACES = Places.read()
REGISTERED_BAGS = Asset(
    "bagfill_registered_bags", watchers=[AssetWatcher(name="registered_bags", trigger=RegisteredBagsTrigger())]
)


@dag(
    dag_display_name="Backfill newly registered bags",
    description="Start what a newly registered bag lacks",
    doc_md=f"{__doc__}{PLACES.problem}",
    # Without a queue there is nothing to watch.
    schedule=None if PLACES.registered_bags is None else [REGISTERED_BAGS],
    catchup=False,
    default_args=default_args(),
    max_active_runs=1,
    # A person switches it on: backfills spend money.
    is_paused_upon_creation=True,
    tags=["bagfill", "storage service"],
)
def backfill_registered_bags() -> None:
    """One task."""
    ReceiveRegisteredBagsOperator(task_id="receive", execution_timeout=timedelta(hours=1))


backfill_registered_bags()
