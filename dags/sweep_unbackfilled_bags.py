"""# Sweep: start what is missing

Asks the registry which bag versions are not where the policies want them, and starts their bags, oldest versions
first, up to `limit`. Small bags share the tasks of `backfill_parcels`; large ones, and those known to be archived, get
a run of `backfill_bag` each. Runs by hand, and every night once somebody has switched it on.

The run ids follow from what is in a run, so two sweeps at the same time start each bag once: the later one finds it
there. With `dry_run` it only says what it would start. What it leaves alone, and why, is in the log of `sweep`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places, sweep_params
from bagfill_airflow.operators.sweep import SweepOperator

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
    """One task, for it costs more to start a task than a run."""
    SweepOperator(task_id="sweep", execution_timeout=timedelta(hours=6))


sweep_unbackfilled_bags()
