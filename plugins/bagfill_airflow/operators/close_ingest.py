"""``close_ingest``: give every ingest of the run its final status, whatever happened before."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.ingests.model import IngestStatus
from bagfill.steps.close_ingest import close_ingests
from bagfill_airflow.services import task_services


class CloseIngestOperator(BaseOperator):
    """Returns how many ingests succeeded; fails, and with it the run, if one did not.

    Args:
        opened: result of ``open_ingest``, or ``None`` if that failed.
    """

    template_fields = ("opened",)
    ui_color = "#e6f2ef"

    def __init__(self, *, opened: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.opened = opened

    def execute(self, context: Context) -> dict[str, int]:
        """Asks the ingest tracker, not Airflow, what was opened: a killed ``open_ingest`` may have left ingests."""
        with task_services() as services:
            closed = close_ingests(services, str(context["dag_run"].run_id))
        failed = [ingest for ingest in closed if ingest.status != IngestStatus.SUCCEEDED]
        if failed:
            texts = "\n".join(
                f"{ingest.bag_version} (ingest {ingest.ingest_id}): {ingest.reason}: {ingest.message}"
                for ingest in failed
            )
            raise AirflowFailException(f"{len(failed)} of {len(closed)} bag versions failed:\n{texts}")
        if self.opened is None:
            raise AirflowFailException("open_ingest failed, see its log; no ingest was opened.")
        return {"succeeded": len(closed)}
