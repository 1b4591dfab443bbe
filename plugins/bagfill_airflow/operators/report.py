"""Tasks of ``report_coverage``: write the report; tell each channel what is new to it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from bagfill.reports.digest import digest_of, things_of
from bagfill.steps.standing import look_at_standing
from bagfill.steps.write_report import write_report
from bagfill_airflow.notices import send
from bagfill_airflow.services import current_settings, task_services


class WriteReportOperator(BaseOperator):
    """Returns where the report is, and a few counts."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - the signature of operators
        """Write it."""
        with task_services() as services:
            written = write_report(services)
        self.log.info("The report is at %s: %s", written.location, written.folder)
        return written.to_json()


class NotifyOperator(BaseOperator):
    """Returns how many things were told, by channel; a channel to which nothing is news gets nothing."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, int]:
        """A channel that fails does not hold up the others, and is told everything by the next try."""
        channels = current_settings().notices
        told: dict[str, int] = {}
        failed: list[str] = []
        with task_services() as services:
            things = list(things_of(look_at_standing(services, since=None)))
            for channel in channels:
                digest = digest_of(things, services.notices.told(channel.name))
                if digest.is_news:
                    try:
                        send(channel, digest, context)
                    except Exception:
                        # Each notifier raises what its own library raises; one channel must not silence the others.
                        self.log.exception("Channel %s could not be told; it is tried again.", channel.name)
                        failed.append(channel.name)
                        continue
                services.notices.tell(channel.name, digest.told)
                told[channel.name] = len(digest.needs) + len(digest.changed)
                self.log.info("Channel %s: %d thing(s) told.", channel.name, told[channel.name])
        if failed:
            raise AirflowException(f"Not told: {', '.join(failed)}; see the log above")
        return told
