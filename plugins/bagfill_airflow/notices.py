"""Digests on their way: Airflow's own notifiers, given finished texts.

They are called by ``notify`` and not by themselves, which would render their texts as templates: identifiers stand in
them, and one with braces must not be executed.
"""

from __future__ import annotations

from html import escape
from typing import Any

from airflow.sdk import Context

from bagfill.notices.channels import Channel, Via
from bagfill.reports.digest import Digest

_LONGEST_SUBJECT = 100
_LONGEST_SLACK = 35_000
_LONGEST_SNS = 200_000


def send(channel: Channel, digest: Digest, context: Context) -> None:
    """Send a digest. Raises whatever the notifier raises: then nobody was told.

    Args:
        channel: where to.
        digest: with news.
        context: of the task; notifiers want one.
    """
    notifier(channel, digest.subject[:_LONGEST_SUBJECT], digest.text()).notify(context)


def notifier(channel: Channel, subject: str, text: str) -> Any:
    """Airflow's notifier for a channel, with what it is to say. Only the provider that is used is loaded."""
    match channel.via:
        case Via.SMTP:
            from airflow.providers.smtp.notifications.smtp import SmtpNotifier

            page = f'<pre style="font: inherit; white-space: pre-wrap">{escape(text)}</pre>'
            return SmtpNotifier(
                from_email=channel.sender,
                to=list(channel.to),
                subject=subject,
                html_content=page,
                smtp_conn_id=channel.connection,
            )
        case Via.SLACK:
            from airflow.providers.slack.notifications.slack import SlackNotifier

            said = escape(f"{subject}\n\n{text}", quote=False)
            return SlackNotifier(
                slack_conn_id=channel.connection, channel=channel.to[0], text=_cut(said, _LONGEST_SLACK)
            )
        case Via.SNS:
            from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

            return SnsNotifier(
                aws_conn_id=channel.connection,
                target_arn=channel.to[0],
                subject=subject.encode("ascii", "replace").decode(),
                message=_cut(text, _LONGEST_SNS),
            )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}\n… cut; the report has the rest"
