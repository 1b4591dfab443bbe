"""``audit``: look at the replicas of one part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.audit_part import audit_part
from bagfill.steps.audit_plan import find_audit
from bagfill.steps.work import WorkError
from bagfill_airflow.services import task_services


class AuditPartOperator(BaseOperator):
    """Returns counts of replicas. What an earlier try looked at, and read, is found again.

    Args:
        share: ``[audit, part]``.
    """

    template_fields: Sequence[str] = ("share",)
    ui_color = "#e6f2ef"

    def __init__(self, *, share: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share

    def execute(self, context: Context) -> dict[str, int]:
        """Findings do not fail the task: they are no reason to look again. ``conclude`` tells them."""
        audit_id, part = self.share
        with task_services() as services:
            try:
                planned = find_audit(services, UUID(audit_id))
                if planned is None:
                    raise AirflowFailException(f"the plan of audit {audit_id} is gone from the work area")
                context["bagfill_share"] = f"{planned.audit.location} part {part + 1}"  # type: ignore[typeddict-unknown-key]
                counts = audit_part(services, planned, part)
            except WorkError as error:
                raise AirflowFailException(str(error)) from None
        return counts.to_json()
