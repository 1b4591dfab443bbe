"""``receive``: start what the bags lack that a storage service has announced."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import cache
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from bagfill.steps.registered_bags import MalformedQueue, receive_registered_bags
from bagfill_airflow.operators.sweep import RunStarter
from bagfill_airflow.services import registered_queues, task_services

_MOST = 5000
"""Messages of one run; what is left wakes the next."""


class ReceiveRegisteredBagsOperator(BaseOperator):
    """Returns how many messages came, and what became of them."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's signature
        """Killed at any moment, it leaves no message deleted whose work is not recorded."""
        queues = registered_queues()
        if queues is None:
            raise AirflowSkipException("nobody listens: the settings have no [storage_service.listener]")
        with ExitStack() as opened, task_services() as services:
            queue = opened.enter_context(closing(queues.notifications()))

            @cache
            def malformed() -> MalformedQueue:
                return opened.enter_context(closing(queues.malformed()))

            received = receive_registered_bags(
                services, queue, RunStarter(), malformed=malformed if queues.moves_malformed else None, limit=_MOST
            )
        self.log.info(
            "%d message(s): %d run(s) started, %d lack nothing, %d not known yet, %d not understood.",
            received.messages, received.started, received.nothing_lacking, received.unknown, received.malformed,
        )  # fmt: skip
        return received.to_json()
