"""The task of ``measure``."""

from __future__ import annotations

from airflow.sdk import BaseOperator, Context

from bagfill.steps.measure import measure
from bagfill_airflow.metrics import send_gauges
from bagfill_airflow.services import task_services


class MeasureOperator(BaseOperator):
    """Returns how many gauges were sent."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> int:  # noqa: ARG002 - the signature of operators
        """Look, and send."""
        with task_services() as services:
            sent = send_gauges(measure(services))
        self.log.info("%d gauges sent.", sent)
        return sent
