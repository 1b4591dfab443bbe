"""# Measure: send gauges to your monitoring

Every five minutes, once somebody has switched it on: how much is missing, in work and waited for, and what campaigns
have spent, through Airflow's own metrics (StatsD or OpenTelemetry). Counters of bytes, files and ended ingests are sent
by the tasks themselves. Nothing is sent unless Airflow's metrics are switched on.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places
from bagfill_airflow.operators.measure import MeasureOperator

PLACES = Places.read()


@dag(
    dag_display_name="Measure: send gauges",
    description="Send what is missing, in work, waited for and spent to the monitoring",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    default_args=default_args(),
    max_active_runs=1,
    # A person switches it on, where there is a monitoring.
    is_paused_upon_creation=True,
    tags=["bagfill", "report"],
)
def measure() -> None:
    """One task."""
    MeasureOperator(task_id="measure", execution_timeout=timedelta(minutes=30))


measure()
