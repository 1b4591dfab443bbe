"""# Sweep: start what is missing

Asks the registry which bag versions are not where the policies want them, and starts `backfill_bag` for their bags,
oldest versions first, up to `limit`. Runs by hand, and every night once somebody has switched it on.

The run ids follow from bag and destination, so two sweeps at the same time start each bag once: the later one skips it.
With `dry_run` it only says what it would start. What it leaves out, and why, is in the log of `find`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places, sweep_params
from bagfill_airflow.operators.find_unbackfilled import FindUnbackfilledOperator
from bagfill_airflow.operators.start_backfill import StartBackfillOperator

PLACES = Places.read()


@dag(
    dag_display_name="Sweep: start what is missing",
    description="Find bag versions that are missing at a location and start their backfill",
    doc_md=f"{__doc__}{PLACES.problem}",
    # Without a start date and not at once: whoever switches the DAG on has the first sweep at the next midnight.
    schedule=CronTriggerTimetable("@daily", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    params=sweep_params(PLACES),
    default_args=default_args(),
    max_active_runs=2,
    # A person switches the daily sweep on: it spends money.
    is_paused_upon_creation=True,
    render_template_as_native_obj=True,
    tags=["bagfill", "sweep"],
)
def sweep_unbackfilled_bags() -> None:
    """Tasks and arrows."""
    find = FindUnbackfilledOperator(task_id="find", execution_timeout=timedelta(hours=2))
    starting = StartBackfillOperator.partial(task_id="start", execution_timeout=timedelta(minutes=10))
    starting.expand_kwargs(find.output)


sweep_unbackfilled_bags()
