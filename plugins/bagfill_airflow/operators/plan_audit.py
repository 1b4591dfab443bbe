"""``plan``: open the audits of a run and choose their replicas."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.audit.model import AuditMode
from bagfill.steps.audit_due import audits_of_today
from bagfill.steps.audit_plan import PlannedAudit, plan_audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services
from bagfill.steps.work import WorkError
from bagfill_airflow.outcomes import refused
from bagfill_airflow.services import task_services

AUDITS = "audits"
"""XCom key of the audits' ids."""


class PlanAuditOperator(BaseOperator):
    """Returns ``[audit, part]`` for each part to look at, and leaves the ids of the audits under ``audits``.

    Without the param ``mode`` it takes today's share at each location, and goes on with what was interrupted.
    """

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> list[list[Any]]:
        """Params ``location``, ``mode``, ``space`` and ``limit``. A retry finds the same audits."""
        params, run_id = context["params"], str(context["dag_run"].run_id)
        with task_services() as services:
            names = [params["location"]] if params["location"] else list(services.locations)
            try:
                audits = [planned for name in names for planned in _plan(services, run_id, name, params)]
            except RequestError as error:
                raise refused(error) from None
            except WorkError as error:
                raise AirflowFailException(str(error)) from None
        for planned in audits:
            self.log.info("%s: %s", planned.audit.location, planned.to_json())
        context["ti"].xcom_push(key=AUDITS, value=[str(planned.audit.id) for planned in audits])
        return [[str(planned.audit.id), part] for planned in audits for part in range(planned.parts)]


def _plan(services: Services, run_id: str, location: str, params: Any) -> list[PlannedAudit]:
    scope = {"location": location, "space": params["space"], "limit": params["limit"]}
    if params["mode"]:
        return [plan_audit(services, AuditRequest.parse(services, run_id, {**scope, "mode": params["mode"]}))]
    share = {**scope, "mode": AuditMode.READ.value, "due": True}
    return audits_of_today(services, AuditRequest.parse(services, run_id, share))
