"""``send``: tell the storage service beside us what it has not been told yet."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from bagfill_airflow.services import task_services

_SECONDS = 240.0


class SendIngestUpdatesOperator(BaseOperator):
    """Returns how much was sent, and how much is left; a service that is away is no failure of this task."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's signature
        """Most is sent beside the work itself; this sends what was left while the service was away."""
        with task_services() as services:
            if not services.post.is_there:
                raise AirflowSkipException("no storage service is configured ([storage_service.ingests])")
            sent = services.post.send(_SECONDS)
            counts = services.post.counts()
        self.log.info("Sent %d, put off %d, refused %d.", sent.delivered, sent.put_off, sent.refused)
        if sent.stopped is not None:
            self.log.warning("Stopped: %s.", sent.stopped)
        if counts.held or counts.refused:
            self.log.warning("%d held, %d refused: %s. See bagfill outbox.", counts.held, counts.refused, counts.why)
        return {
            "delivered": sent.delivered,
            "pending": counts.pending,
            "held": counts.held,
            "refused": counts.refused,
        }
