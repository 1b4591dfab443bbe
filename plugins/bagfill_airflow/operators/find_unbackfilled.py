"""``find``: ask the registry which bags are missing where."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.sweep import SweepFindings, find_unbackfilled
from bagfill.steps.sweep_candidates import SweepError
from bagfill_airflow.services import task_services

WOULD_START = "would_start"


class FindUnbackfilledOperator(BaseOperator):
    """Returns one ``{"trigger_run_id", "conf"}`` for each run to start.

    With the param ``dry_run`` it returns none, and leaves the table of what it would start under ``would_start``.
    """

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Params ``destination``, ``space`` and ``limit`` narrow the sweep."""
        params = context["params"]
        with task_services() as services:
            try:
                found = find_unbackfilled(
                    services,
                    destination=params["destination"] or None,
                    space=params["space"] or None,
                    limit=params["limit"],
                )
            except SweepError as error:
                raise AirflowFailException(str(error)) from None
        self._tell(found)
        if params["dry_run"]:
            rows = [{"bag": str(start.bag), "destination": start.destination} for start in found.starts]
            context["ti"].xcom_push(key=WOULD_START, value=rows)
            self.log.info("This was a dry run: nothing is started.")
            return []
        return [{"trigger_run_id": start.run_id, "conf": start.fields} for start in found.starts]

    def _tell(self, found: SweepFindings) -> None:
        self.log.info("%d run(s) to start, %d bag(s) left out.", len(found.starts), len(found.skipped))
        for start in found.starts:
            self.log.info("start  %s -> %s  (run %s)", start.bag, start.destination, start.run_id)
        for why, count in sorted(Counter(skipped.why.partition(":")[0] for skipped in found.skipped).items()):
            self.log.info("left out  %d: %s", count, why)
        for skipped in found.skipped:
            self.log.info("left out  %s -> %s: %s", skipped.bag, skipped.destination, skipped.why)
