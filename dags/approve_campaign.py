"""# Approve of a campaign

Shows the plan of a campaign that comes to more than `campaigns.approval_above` in the settings, and waits for a person
to approve of it or to reject it, without holding a worker. Approved, the campaign runs; rejected, it is a draft again.
Who answered is kept with the campaign. `carry_campaigns` starts this by itself; `bagfill campaign approve` does the
same from a terminal.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places, approval_params
from bagfill_airflow.operators.campaigns import ApproveCampaignOperator

PLACES = Places.read()


@dag(
    dag_display_name="Approve of a campaign",
    description="Show the plan of a campaign and wait for a person's word",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=None,
    params=approval_params(),
    default_args=default_args(),
    max_active_runs=16,
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    tags=["bagfill", "campaign"],
)
def approve_campaign() -> None:
    """One question."""
    ApproveCampaignOperator(task_id="approve", response_timeout=timedelta(days=30))


approve_campaign()
