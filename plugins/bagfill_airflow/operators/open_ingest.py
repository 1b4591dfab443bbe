"""``open_ingest``: check the request, open one ingest per bag version, claim them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.requests import BackfillRequest, RequestError
from bagfill_airflow.outcomes import describe, refused, result_of
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.services import task_services


def request_fields(context: Context) -> dict[str, Any]:
    """Params and conf of the run. Airflow lets unknown keys of ``conf`` through; the request refuses them."""
    conf = context["dag_run"].conf or {}
    return {**dict(context["params"]), **conf}


class OpenIngestOperator(BaseOperator):
    """Returns the open ingests, packed, and how many versions were refused, are there already, or are left over."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, Any]:
        """The run id is the request's id, so a retried or cleared task opens the same ingests."""
        with task_services() as services:
            try:
                request = BackfillRequest.parse(services, str(context["dag_run"].run_id), request_fields(context))
            except RequestError as error:
                raise refused(error) from None
            opened = result_of(open_ingests(services, request))
        if opened.left_over:
            self.log.warning("%d more versions are left to the next run (limits.versions_per_run).", opened.left_over)
        if opened.refused and not opened.refs:
            # Their ingests have ended: trying again is for a new run.
            raise AirflowFailException("\n".join(f"{v.bag_version}: {describe(v.failure)}" for v in opened.refused))
        return {
            **pack_ingests(opened.refs),
            "refused": len(opened.refused),
            "already_there": len(opened.already_there),
            "left_over": opened.left_over,
        }
