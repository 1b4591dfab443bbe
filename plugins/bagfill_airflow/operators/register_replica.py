"""``register``: conclude every version that was verified whole, oldest first."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.ingests.reasons import Reason
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.outcomes import StepFailed
from bagfill_airflow.operators.mapped import SharesOperator
from bagfill_airflow.outcomes import is_last_try, settle
from bagfill_airflow.services import task_services


class RegisterReplicaOperator(SharesOperator):
    """Returns how many versions were registered, and their files and bytes.

    Args:
        verified_by: id of the mapped task before.
    """

    def __init__(self, *, verified_by: str = "verify", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.verified_by = verified_by

    def execute(self, context: Context) -> dict[str, int]:
        """A version that lost a shard is left out; its reason is in its ingest."""
        refs, places = self.refs(), sorted(self.sound_places(context, self.verified_by))
        if not places:
            raise AirflowFailException("No bag version was verified whole; their ingests say why.")
        done: list[str] = []
        failures: dict[str, StepFailed] = {}
        files = size = 0
        with task_services() as services:
            for place in places:
                outcome = conclude_replica(services, refs[place])
                if isinstance(outcome, StepFailed):
                    failures[refs[place].bag_version] = outcome
                    continue
                done.append(refs[place].bag_version)
                files, size = files + outcome.files, size + outcome.bytes
        settle(failures, done=done, last_try=is_last_try(context["ti"]) or _waits_in_vain(failures))
        return {"registered": len(done), "files": files, "bytes": size}


def _waits_in_vain(failures: dict[str, StepFailed]) -> bool:
    """Whether all failures are about older versions: those had their turn in this run before."""
    return bool(failures) and all(failure.reason is Reason.OLDER_VERSION_MISSING for failure in failures.values())
