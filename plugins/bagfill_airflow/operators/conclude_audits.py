"""``conclude``: end the audits of a run, and tell what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.audit.model import AuditOutcome
from bagfill.steps.audit import findings_of
from bagfill.steps.audit_conclude import AuditResult, conclude_audit
from bagfill.steps.audit_plan import find_audit
from bagfill.steps.freeze import flag_late_verifications
from bagfill.steps.services import Services
from bagfill.steps.work import WorkError
from bagfill_airflow.services import task_services

_SHOWN = 200


class ConcludeAuditsOperator(BaseOperator):
    """Returns the summary of each audit; fails, without a retry, if something is wrong or could not be found out.

    What only waits for a thaw fails nothing: the run of another day goes on with it.

    Args:
        audits: ids.
    """

    template_fields: Sequence[str] = ("audits",)
    ui_color = "#e6f2ef"

    def __init__(self, *, audits: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.audits = audits

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - what is to be ended is templated
        """Also flags verifications that are about to come too late."""
        if self.audits is None:
            raise AirflowFailException("plan failed, see its log; nothing was audited.")
        wrong: list[str] = []
        summaries: dict[str, Any] = {}
        with task_services() as services:
            wrong += [
                f"not verified at {late.location}: {late.bag_version}, archived from {late.before} on"
                for late in flag_late_verifications(services)
            ]
            for audit_id in self.audits:
                result = self._conclude(services, UUID(audit_id))
                summaries[audit_id] = result.summary()
                self._tell(services, result)
                if result.outcome is AuditOutcome.FINDINGS or _is_lacking(result):
                    wrong.append(f"{result.audit.location}: {result.outcome.value}: bagfill audit --resume {audit_id}")
        if wrong:
            raise AirflowFailException("\n".join(wrong))
        return summaries

    def _conclude(self, services: Services, audit_id: UUID) -> AuditResult:
        try:
            planned = find_audit(services, audit_id)
            if planned is None:
                raise AirflowFailException(f"the plan of audit {audit_id} is gone from the work area")
            return conclude_audit(services, planned)
        except WorkError as error:
            raise AirflowFailException(str(error)) from None

    def _tell(self, services: Services, result: AuditResult) -> None:
        self.log.info("%s: %s: %s", result.audit.location, result.outcome.value, result.summary())
        findings = (finding for event in result.events for finding in findings_of(services, event))
        for _, finding in zip(range(_SHOWN), findings, strict=False):
            self.log.error("%s\n    %s", finding.text, "\n    ".join(finding.steps))


def _is_lacking(result: AuditResult) -> bool:
    """Whether more is unknown than what a thaw will tell."""
    unknown = any(event.outcome is AuditOutcome.UNKNOWN for event in result.events)
    return unknown or bool(result.left) or bool(result.remark)
