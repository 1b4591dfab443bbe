"""# Carry campaigns on

Every ten minutes, once somebody has switched it on: each campaign that runs starts as many of its bags as its caps
leave room for, in its own order; one that drains, or has nothing left to do, becomes done. Ingests whose run was lost
are closed, so that their bags can be started again. A campaign that waits for approval is asked about in
`approve_campaign`.

All it knows is in the registry: it goes on after Airflow's database was lost. A task that was killed is run again, and
starts nothing twice. Campaigns are declared and steered with `bagfill campaign`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places, campaigns_params
from bagfill_airflow.operators.campaigns import CarryCampaignsOperator

PLACES = Places.read()


@dag(
    dag_display_name="Carry campaigns on",
    description="Start the next bags of every campaign, within its caps",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    params=campaigns_params(),
    default_args=default_args(),
    max_active_runs=1,
    # A person switches it on: campaigns spend money.
    is_paused_upon_creation=True,
    render_template_as_native_obj=True,
    tags=["bagfill", "campaign"],
)
def carry_campaigns() -> None:
    """One task, for it costs more to start a task than a run."""
    CarryCampaignsOperator(task_id="carry", execution_timeout=timedelta(hours=6))


carry_campaigns()
