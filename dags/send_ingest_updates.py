"""# Tell the storage service

Where a storage service is shown ingests (`[storage_service.ingests]`): sends what it has not been told yet, every five
minutes. Most is sent beside the work, as it happens; this is for what was left while the service did not answer. What
it refused, and why, is shown by `bagfill outbox`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places
from bagfill_airflow.operators.outbox import SendIngestUpdatesOperator

PLACES = Places.read()


@dag(
    dag_display_name="Tell the storage service",
    description="Send what a storage service has not been told of ingests",
    doc_md=f"{__doc__}{PLACES.problem}",
    # Without a service there is nobody to tell.
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=timedelta(0))
    if PLACES.tells_service
    else None,
    catchup=False,
    default_args=default_args(),
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["bagfill", "storage service"],
)
def send_ingest_updates() -> None:
    """One task."""
    SendIngestUpdatesOperator(task_id="send", execution_timeout=timedelta(minutes=10))


send_ingest_updates()
