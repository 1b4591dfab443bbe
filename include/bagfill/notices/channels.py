"""Who is told: a channel is a way to reach people, as the settings declare it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """Which of Airflow's notifiers."""

    SMTP = "smtp"
    SLACK = "slack"
    SNS = "sns"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Args:
        name: by which is remembered what it was told.
        via: how.
        connection: of Airflow, with server and secrets.
        to: addresses (mail), a channel's name (Slack), a topic's ARN (SNS).
        sender: of mail; ``None``: as the connection says.
    """

    name: str
    via: Via
    connection: str
    to: tuple[str, ...]
    sender: str | None = None
