"""# Check the installation

Tries, on each kind of worker, what its identities must be able to do and must not: clocks, networks, permissions,
buckets, the registry's database, with the connections that Airflow has. The same as `bagfill doctor`, where tasks run.

1. **control** looks at everything.
2. **copy** looks with the identities that read and write.
3. **verify** looks with the identities that read: its workers have no connection that writes.

A task fails when something must be mended, and its log says what, and what to do. It writes below the `probe_prefix` of
a location only, and deletes nothing.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from bagfill_airflow.defaults import Work, default_args, queue
from bagfill_airflow.form import Places, check_params
from bagfill_airflow.operators.examine import ExamineOperator

PLACES = Places.read()


@dag(
    dag_display_name="Check the installation",
    description="Try what each identity must and must not be able to do, on each kind of worker",
    doc_md=f"{__doc__}{PLACES.problem}",
    schedule=None,
    params=check_params(PLACES),
    default_args=default_args(),
    max_active_runs=1,
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    tags=["bagfill", "installation"],
)
def check_installation() -> None:
    """One task for each queue, side by side."""
    for work in Work:
        ExamineOperator(
            task_id=work.value,
            work=work.value,
            location="{{ params.location }}",
            queue=queue(work),
            execution_timeout=timedelta(minutes=30),
        )


check_installation()
