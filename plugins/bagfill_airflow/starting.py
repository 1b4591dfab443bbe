"""Starting runs from inside a task, many from one: the requests that Airflow's own operator makes, one run each.

``TriggerDagRunOperator`` starts one run a task, and a task costs about a second. Its request goes to the task's
supervisor, which asks the execution API: no password, no address and no token of ours. There is no public function for
it, so the imports from inside the SDK stand here and nowhere else; ``tests/dags/test_sweep.py`` fails when they change.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from typing import Any

from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, GetDagRunState, TriggerDagRun

logger = logging.getLogger(__name__)


class Started(Enum):
    """What became of a request for a run."""

    NEW = "started"
    AGAIN = "started again"
    """A run of that id had failed without opening anything; its tasks were cleared."""
    THERE = "there already"


def start_run(dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Started:
    """Start a run without a date, unless its id exists; one that failed is cleared, so that it runs once more.

    Only for ids that change with each attempt that was recorded (as those of the sweep do): a failed run of such an id
    failed before it recorded anything, and nobody else will start that work.

    Raises:
        AirflowRuntimeError: the API refused, such as for an unknown DAG.
    """
    if _asked(dag_id, run_id, conf, again=False):
        return Started.NEW
    if not _has_failed(dag_id, run_id):
        return Started.THERE
    _asked(dag_id, run_id, conf, again=True)
    return Started.AGAIN


def _asked(dag_id: str, run_id: str, conf: Mapping[str, Any], *, again: bool) -> bool:
    answer = _supervisor().send(
        TriggerDagRun(dag_id=dag_id, run_id=run_id, logical_date=None, conf=dict(conf), reset_dag_run=again)
    )
    return not (isinstance(answer, ErrorResponse) and answer.error is ErrorType.DAGRUN_ALREADY_EXISTS)


def _has_failed(dag_id: str, run_id: str) -> bool:
    # An enumeration of text, whose `str` is its name.
    return bool(_supervisor().send(GetDagRunState(dag_id=dag_id, run_id=run_id)).state == "failed")


def _supervisor() -> Any:
    # Set when a task begins to run, and so not to be had when this module is loaded.
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    return SUPERVISOR_COMMS
