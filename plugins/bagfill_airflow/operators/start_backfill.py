"""``start``: start one run of ``backfill_bag``, unless a run of that id exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator


class StartBackfillOperator(TriggerDagRunOperator):
    """The standard operator, for names that are data: braces in the name of a bag are no template here.

    A run whose id exists is left alone and the task is skipped, whoever started it.
    """

    template_fields: Sequence[str] = ()
    ui_color = "#e6f2ef"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{
                "trigger_dag_id": "backfill_bag",
                # A run that is about a bag has no date.
                "logical_date": None,
                "skip_when_already_exists": True,
                # It would add a key to the conf, which the request refuses.
                "openlineage_inject_parent_info": False,
                **kwargs,
            }
        )
