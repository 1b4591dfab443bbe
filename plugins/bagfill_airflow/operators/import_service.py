"""``import``: learn what is in the table of a storage service by now."""

from __future__ import annotations

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.import_service import import_service
from bagfill_airflow.services import task_services

_EVERY = 10_000
_MOST_TOLD = 100


class ImportServiceOperator(BaseOperator):
    """Returns how many rows became of what; rows that a person has to look at are warned about and fail nothing."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002 - Airflow's signature
        """A row that points where the registry has it already is not opened: the same again costs little."""
        told = 0

        def looked(rows: int) -> None:
            nonlocal told
            if rows - told >= _EVERY:
                told = rows
                self.log.info("%d rows", rows)

        with task_services() as services:
            beside = services.beside
            if beside is None:
                raise AirflowSkipException("no service is configured: the settings have no [storage_service.manifests]")
            result = import_service(services, beside, looked=looked)
        for name, outcome, why in result.notable[:_MOST_TOLD]:
            self.log.warning("%s: %s: %s", name, outcome, why)
        counts = {outcome.value: result.counts.get(outcome, 0) for outcome in ImportOutcome}
        self.log.info("%d rows: %s", result.rows, counts)
        return counts
