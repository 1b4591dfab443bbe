"""What the two mapped tasks and the task behind them have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill_airflow.defaults import thaw_timeout
from bagfill_airflow.operators.step import RunOperator
from bagfill_airflow.outcomes import StepRetry
from bagfill_airflow.triggers.campaign import CampaignTrigger

LABEL = "{{ bagfill_share | default('') }}"
"""For ``map_index_template``: ``v3 shard 12`` in the UI instead of a number."""


class SharesOperator(RunOperator):
    """A task about shares of the work.

    Args:
        shares: result of ``thaw.wait``: every ``[place, number]``, in the order of the map indexes.
    """

    template_fields: Sequence[str] = (*RunOperator.template_fields, "shares")

    def __init__(self, *, shares: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shares = shares

    def sound_places(self, context: Context, task_id: str) -> set[int]:
        """Places all of whose shares succeeded in the mapped task ``task_id`` of this run.

        Airflow's states only spare work here; whether a replica is complete is decided by ``conclude_replica``.
        """
        run_id = str(context["dag_run"].run_id)
        found = context["ti"].get_task_states(dag_id=self.dag_id, task_ids=[task_id], run_ids=[run_id])
        # Without shares, thaw.wait failed, and so did everything behind it.
        return sound_places(self.shares or [], task_id, found.get(run_id, {}))


class ShardOperator(SharesOperator):
    """One mapped task: one share.

    Args:
        share: ``[place, number]``.
    """

    template_fields: Sequence[str] = (*SharesOperator.template_fields, "share")

    def __init__(self, *, share: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share

    def shard(self, context: Context) -> ShardRef:
        """The shard, which also becomes the label of the task in the UI."""
        place, number = self.share
        ref = self.refs()[place]
        context["bagfill_share"] = f"{ref.id.version} shard {number + 1}"  # type: ignore[typeddict-unknown-key]
        return ShardRef(ref, number)

    def wait_for_campaign(self, shard: ShardRef, failure: StepFailed) -> NoReturn:
        """Hand the waiting for the ingest's campaign to the triggerer; ``go_on`` is called afterwards.

        The ingest stays open and keeps its claim, and with it what was staged and thawed for it.
        """
        self.log.warning("%s", failure.text)
        again = None if failure.again is None else failure.again.isoformat()
        trigger = CampaignTrigger(ref=shard.ingest.to_json(), again=again)
        self.defer(trigger=trigger, method_name="go_on", timeout=thaw_timeout())

    def go_on(self, context: Context, event: Mapping[str, Any]) -> Any:
        """After the campaign was waited for: the whole task again, which finds what is finished."""
        if event["trouble"]:
            raise StepRetry(f"Waiting for the campaign: {event['trouble']}")
        if event["failed"]:
            raise AirflowFailException(event["failed"])
        return self.execute(context)

    def require_sound(self, context: Context, task_id: str) -> None:
        """Fail, without retries, if this version lost a shard in the task before."""
        place, _ = self.share
        if place not in self.sound_places(context, task_id):
            bag_version = self.refs()[place].bag_version
            raise AirflowFailException(f"{bag_version} is not looked at: {task_id} failed for some of it, see there.")


def sound_places(shares: Sequence[Sequence[int]], task_id: str, states: Mapping[str, object]) -> set[int]:
    """Places none of whose shares is in another state than success.

    Args:
        shares: in the order of the map indexes.
        states: of the mapped tasks, by ``{task_id}_{map index}``.
    """
    unsound = {place for index, (place, _) in enumerate(shares) if str(states.get(f"{task_id}_{index}")) != "success"}
    return {place for place, _ in shares} - unsound
