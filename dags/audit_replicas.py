"""# Audit: look at replicas again

Every night, once somebody has switched it on, it takes today's share of every location: each registered replica is
read again within the period of `[audit]` (90 days), never audited ones first, then those not seen for longest, about as
many bytes and replicas each day.

1. **plan** opens an audit for each location, or goes on with one that was interrupted, and chooses replicas.
2. **audit** holds the listing of each against storage manifest and receipt, and reads every byte that can be read.
   Archived objects are judged by size and ETag; of them a random sample is thawed, within `audit.thaw_bytes`.
3. **conclude** counts, states what the sample proves, and fails the run if something is missing, changed, damaged or
   stray, or could not be found out. Each finding is in its log with what to do, and in `bagfill audit --history`.
   It also flags verifications that would come after a location's lifecycle has archived what is to be verified.

Nothing is deleted, replaced or repaired. A location that does not answer is *unknown*, never missing. With the param
`mode` it looks at once at everything in the scope, instead of today's share. Killed tasks go on where they were.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, TriggerRule, XComArg, chain, dag

from bagfill_airflow.defaults import Work, default_args, queue, shards_at_once
from bagfill_airflow.form import Places, audit_params
from bagfill_airflow.operators.audit_part import AuditPartOperator
from bagfill_airflow.operators.conclude_audits import ConcludeAuditsOperator
from bagfill_airflow.operators.mapped import LABEL
from bagfill_airflow.operators.plan_audit import AUDITS, PlanAuditOperator

PLACES = Places.read()


@dag(
    dag_display_name="Audit: look at replicas again",
    description="Re-read replicas at an even daily rate and find missing, changed, damaged and stray objects",
    doc_md=f"{__doc__}{PLACES.problem}",
    # Without a start date and not at once: whoever switches the DAG on has the first audit at the next midnight.
    schedule=CronTriggerTimetable("@daily", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    params=audit_params(PLACES),
    default_args=default_args(),
    max_active_runs=1,
    # A person switches it on: reading from a provider costs money.
    is_paused_upon_creation=True,
    render_template_as_native_obj=True,
    tags=["bagfill", "audit"],
)
def audit_replicas() -> None:
    """Tasks and arrows."""
    planning = PlanAuditOperator(task_id="plan", execution_timeout=timedelta(hours=2))
    auditing = AuditPartOperator.partial(
        task_id="audit",
        queue=queue(Work.VERIFY),
        map_index_template=LABEL,
        max_active_tis_per_dagrun=shards_at_once(),
    ).expand(share=planning.output)
    # A part that failed leaves replicas for tomorrow; what the others found is told today.
    concluding = ConcludeAuditsOperator(
        task_id="conclude", audits=XComArg(planning, key=AUDITS), trigger_rule=TriggerRule.ALL_DONE
    )
    chain(planning, auditing, concluding)


audit_replicas()
