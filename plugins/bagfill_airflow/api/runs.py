"""Runs of ``backfill_bag``, started and looked at inside the API server, where Airflow's database is at hand."""

from __future__ import annotations

from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import State
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bagfill.steps.accept_request import RunsUnavailable
from bagfill_airflow.api.security import DAG_ID


class AirflowRuns:
    """See :class:`bagfill.steps.accept_request.Runs`."""

    def start(self, request_id: str, fields: dict[str, Any]) -> None:
        """Queue a run of that id, unless there is one."""
        try:
            trigger_dag(
                DAG_ID,
                run_id=request_id,
                conf=fields,
                # A run that is about a bag has no date.
                logical_date=None,
                triggered_by=DagRunTriggeredByType.REST_API,
            )
        except DagRunAlreadyExists:
            return
        except DagNotFound:
            raise RunsUnavailable(f"the DAG {DAG_ID} was not parsed yet") from None
        except ParamValidationError as error:
            # The request was checked by the same settings: the DAG was parsed with older ones.
            raise RunsUnavailable(f"the DAG {DAG_ID} refuses the request ({error}); it is parsed again soon") from None
        except SQLAlchemyError as error:
            raise RunsUnavailable(f"Airflow's database: {type(error).__name__}") from None

    def is_unfinished(self, request_id: str) -> bool:
        """Whether a run of that id, of whatever DAG, is queued or running."""
        query = select(DagRun.id).where(DagRun.run_id == request_id, DagRun.state.in_(State.unfinished_dr_states))
        try:
            with create_session() as session:
                return session.execute(query.limit(1)).first() is not None
        except SQLAlchemyError as error:
            raise RunsUnavailable(f"Airflow's database: {type(error).__name__}") from None
