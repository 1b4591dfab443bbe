"""``thaw.request``: ask for what is archived."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from bagfill.steps.outcomes import StepFailed
from bagfill.steps.request_thaw import request_thaw
from bagfill_airflow.operators.step import RunOperator
from bagfill_airflow.outcomes import is_last_try, settle
from bagfill_airflow.services import task_services


class RequestThawOperator(RunOperator):
    """Returns ``places``, the versions that go on, and how many objects are archived, asked for and readable."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Versions without archived objects go on without a question to anybody."""
        refs, planned = self.refs(), self.planned()
        places = [place for place, plan in planned.items() if not plan.archived]
        counts = {"total": 0, "asked": 0, "in_progress": 0, "readable": 0}
        if len(places) == len(planned):
            return {"places": places, **counts}
        failures: dict[str, StepFailed] = {}
        with task_services() as services:
            for place in sorted(set(planned) - set(places)):
                outcome = request_thaw(services, refs[place])
                if isinstance(outcome, StepFailed):
                    failures[refs[place].bag_version] = outcome
                    continue
                places.append(place)
                for name in counts:
                    counts[name] += getattr(outcome, name)
        settle(failures, done=places, last_try=is_last_try(context["ti"]))
        self.log.info("Thaw: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
        return {"places": sorted(places), **counts}
