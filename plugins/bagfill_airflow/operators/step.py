"""What the operators of the steps have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator

from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.references import Planned, unpack_ingests, unpack_plans


class RunOperator(BaseOperator):
    """A task about the ingests of a run.

    Args:
        opened: result of ``open_ingest``.
        plans: result of ``plan_replication``; ``None`` before it.
    """

    template_fields: Sequence[str] = ("opened", "plans")
    ui_color = "#e6f2ef"

    def __init__(self, *, opened: Any, plans: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.opened = opened
        self.plans = plans

    def refs(self) -> tuple[IngestRef, ...]:
        """The ingests of the run, ascending by version."""
        return unpack_ingests(self.opened)

    def planned(self) -> dict[int, Planned]:
        """What is planned, by place in :meth:`refs`."""
        return unpack_plans(self.plans["plans"])
