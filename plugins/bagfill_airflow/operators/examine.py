"""``bagfill doctor`` where workers run: with their clocks, networks and Airflow's own connections."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.settings import SettingsError
from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.connections import AirflowCredentials, task_connection
from bagfill_airflow.defaults import Work
from bagfill_airflow.outcomes import misconfigured
from bagfill_airflow.services import current_settings


class ExamineOperator(BaseOperator):
    """Returns how many findings there are of each kind; fails when something must be mended.

    Args:
        work: what the worker does: those that verify have no connection that writes, and are not asked for it.
        location: only this one.
    """

    template_fields = ("location",)
    ui_color = "#e6f2ef"

    def __init__(self, *, work: str, location: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work
        self.location = location

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002 - Airflow's signature
        """Try, and tell every finding in the log."""
        # Here, and not above: it knows every provider, and a DAG that is parsed needs none of them.
        from bagfill.doctor.everything import examine
        from bagfill.doctor.examine import Examination, worst_first
        from bagfill.doctor.model import EVERYBODY, Identity, Verdict

        try:
            settings = current_settings()
        except SettingsError as error:
            raise misconfigured(error) from error
        if self.location and self.location not in settings.locations:
            raise AirflowFailException(f"{self.location!r} is no location; known are: {', '.join(settings.locations)}")
        identities = {
            Work.CONTROL: EVERYBODY,
            Work.COPY: frozenset({Identity.READER, Identity.WRITER}),
            Work.VERIFY: frozenset({Identity.READER}),
        }[Work(self.work)]
        examination = Examination()
        credentials = AirflowCredentials(task_connection)
        now = lambda: datetime.now(UTC)  # noqa: E731 - a clock
        looks = examine(settings, credentials, now, _is_set, location=self.location or None, identities=identities)
        for _subject, so_far in looks:
            examination = so_far
        counts = dict.fromkeys((verdict.value for verdict in Verdict), 0)
        to_mend = []
        for finding in worst_first(examination.findings):
            verdict, diagnosis = finding.diagnosis.verdict, finding.diagnosis
            counts[verdict.value] += 1
            who = f" as {finding.identity} ({finding.connection})" if finding.identity else ""
            text = f"{finding.subject}{who}: {finding.code}: {diagnosis.seen}. {diagnosis.advice}".rstrip(" .") + "."
            if verdict is Verdict.MEND:
                to_mend.append(text)
                self.log.error("%s", text)
            elif verdict is Verdict.GOOD:
                self.log.info("%s", text)
            else:
                self.log.warning("%s: %s", verdict, text)
        for place, key in examination.remains:
            self.log.info("Left behind at %s: %s", place, key)
        if to_mend:
            raise AirflowFailException(f"{len(to_mend)} findings must be mended:\n" + "\n".join(to_mend))
        return counts


def _is_set(connection: str) -> bool:
    try:
        task_connection(connection)
    except CredentialsError:
        return False
    return True
