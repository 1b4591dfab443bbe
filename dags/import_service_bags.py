"""# Learn the bags of a storage service

Where a storage service's own manifests are the registry (`[storage_service.manifests]`): reads its table, every evening
before the sweep, and opens what is new or changed. Bags that the service announces are learnt at once
(`backfill_registered_bags`); this finds what was never announced, and locations that others added. Nothing is written
there.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places
from bagfill_airflow.operators.import_service import ImportServiceOperator

PLACES = Places.read()


@dag(
    dag_display_name="Learn the bags of a storage service",
    description="Read the table of storage manifests, and learn what is new",
    doc_md=f"{__doc__}{PLACES.problem}",
    # Without a service there is nothing to read.
    schedule=CronTriggerTimetable("0 22 * * *", timezone="UTC", run_immediately=timedelta(0))
    if PLACES.reads_service
    else None,
    catchup=False,
    default_args=default_args(),
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["bagfill", "storage service"],
)
def import_service_bags() -> None:
    """One task: its parts share a connection pool and an index."""
    ImportServiceOperator(task_id="import", execution_timeout=timedelta(hours=12))


import_service_bags()
