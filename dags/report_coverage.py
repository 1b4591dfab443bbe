"""# Report: how everything stands, and what is new

Every morning, once somebody has switched it on.

1. **write** makes the report: coverage, what needs a person, campaigns and their spend, what is in work, audits; as one
   HTML page, a CSV for each table and JSON, in a folder of its own below `_reports/` where `[reports]` of the settings
   says, else beside the receipts.
2. **notify** tells each channel of `[[notices]]` what changed since it was told last, and what needs a person. Nobody
   is told the same thing twice; a channel that cannot be reached is told everything by the next try.

Nothing else is written, and no bag is touched.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, TriggerRule, chain, dag

from bagfill_airflow.defaults import default_args
from bagfill_airflow.form import Places
from bagfill_airflow.operators.report import NotifyOperator, WriteReportOperator

PLACES = Places.read()


@dag(
    dag_display_name="Report: how everything stands",
    description="Write the report, and tell what is new and what needs a person",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    default_args=default_args(),
    max_active_runs=1,
    # A person switches it on, when the channels are declared.
    is_paused_upon_creation=True,
    tags=["bagfill", "report"],
)
def report_coverage() -> None:
    """Two tasks: a report that cannot be written is no reason to keep quiet."""
    writing = WriteReportOperator(task_id="write", execution_timeout=timedelta(hours=2))
    telling = NotifyOperator(task_id="notify", execution_timeout=timedelta(hours=2), trigger_rule=TriggerRule.ALL_DONE)
    chain(writing, telling)


report_coverage()
