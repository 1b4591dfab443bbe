"""What every task of ours starts from, and the numbers of the workflow that an installation may change.

They are options of the section ``[bagfill]`` of Airflow's own configuration (``airflow.cfg``, or
``AIRFLOW__BAGFILL__RETRIES=6`` and so on), for they are about tasks and not about bags.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk.configuration import conf

SECTION = "bagfill"
OWNER = "digital-preservation"
MOST_MAPPED = 1000
"""Mapped tasks of one kind in one run; Airflow allows 1,024 (``[core] max_map_length``)."""


def number(name: str, default: float) -> float:
    """An option of the section ``[bagfill]``."""
    return float(conf.getfloat(SECTION, name, fallback=default))


class Work(StrEnum):
    """Kinds of tasks that an installation may send to workers of their own."""

    CONTROL = "control"
    """Decides, plans, asks for thaws, registers: short, and never to wait behind the others."""
    COPY = "copy"
    """Moves bytes to the destination."""
    VERIFY = "verify"
    """Reads bytes at a destination: best done in its region."""


def queue(work: Work) -> str:
    """The queue for a kind of task: option ``copy_queue`` and so on; else Airflow's own default for all."""
    everybody = str(conf.get("operators", "default_queue", fallback="default"))
    return str(conf.get(SECTION, f"{work}_queue", fallback=everybody))


def default_args() -> dict[str, Any]:
    """Owner, queue and retries: permanent failures never use them (see :mod:`bagfill_airflow.outcomes`)."""
    return {
        "owner": OWNER,
        "queue": queue(Work.CONTROL),
        "retries": int(number("retries", 4)),
        "retry_delay": timedelta(seconds=number("retry_delay_seconds", 60)),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=30),
    }


def shards_at_once() -> int:
    """Mapped tasks of one run that copy (or verify) at the same time."""
    return int(number("shards_at_once", 8))


def runs_at_once() -> int:
    """Runs of ``backfill_bag`` at the same time; a run that waits for a thaw counts, but holds no worker."""
    return int(number("runs_at_once", 64))


def parcels_at_once() -> int:
    """Parcels of one run of ``backfill_parcels`` that are worked on at the same time."""
    return int(number("parcels_at_once", 8))


def thaw_timeout() -> timedelta:
    """How long a run waits for its thaws: the slowest tier takes 48 hours."""
    return timedelta(hours=number("thaw_timeout_hours", 120))
