"""# Sweep: start what is missing

Asks the registry which bag versions are not where the policies want them, and starts `backfill_bag` for their bags,
oldest versions first, up to `limit`. Runs once a day, and by hand.

The run ids follow from bag and destination, so two sweeps at the same time start each bag once: the later one skips it.
With `dry_run` it only says what it would start. What it leaves out, and why, is in the log of `find`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places, sweep_params
from bagfill_airflow.operators.find_unbackfilled import FindUnbackfilledOperator
from bagfill_airflow.operators.start_backfill import StartBackfillOperator

PLACES = Places.read()


@dag(
    dag_display_name="Sweep: start what is missing",
    description="Find bag versions that are missing at a location and start their backfill",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),  # noqa: DTZ001 - Airflow takes it in its default time zone
    catchup=False,
    params=sweep_params(PLACES),
    default_args=default_args(),
    max_active_runs=2,
    render_template_as_native_obj=True,
    tags=["bagfill", "sweep"],
)
def sweep_unbackfilled_bags() -> None:
    """Tasks and arrows."""
    find = FindUnbackfilledOperator(task_id="find", execution_timeout=timedelta(hours=2))
    starting = StartBackfillOperator.partial(task_id="start", execution_timeout=timedelta(minutes=10))
    starting.expand_kwargs(find.output)


sweep_unbackfilled_bags()
