"""``thaw.wait``: wait until everything that is archived can be read, without holding a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.outcomes import IngestRef
from bagfill.storage.store import ThawTier
from bagfill_airflow.defaults import number
from bagfill_airflow.outcomes import StepRetry
from bagfill_airflow.references import shares, unpack_ingests, unpack_plans
from bagfill_airflow.triggers.thaw import ThawTrigger

_POLLS = {
    ThawTier.EXPEDITED: (30.0, 120.0),
    ThawTier.STANDARD: (300.0, 900.0),
    ThawTier.BULK: (900.0, 1800.0),
}
"""Seconds between the first polls, and at most: minutes, hours and half days are usual for the tiers."""


def poll_interval(refs: Iterable[IngestRef]) -> tuple[float, float]:
    """Seconds between polls, first and longest, for the fastest tier among the ingests.

    ``[bagfill] thaw_poll_seconds`` of Airflow's configuration replaces the first, and four times it the longest.
    """
    first, longest = min(_POLLS[ThawTier(ref.thaw_tier)] for ref in refs)
    chosen = number("thaw_poll_seconds", first)
    return (chosen, longest) if chosen == first else (chosen, 4 * chosen)


def thaw_trigger(opened: Mapping[str, Any], places: list[int], *, shard: int | None = None) -> ThawTrigger:
    """The trigger that waits for these ingests, or for one shard of one of them."""
    refs = unpack_ingests(opened)
    first, longest = poll_interval(refs[place] for place in places)
    return ThawTrigger(
        opened=dict(opened), places=places, poll_seconds=first, longest_poll_seconds=longest, shard=shard
    )


def after_thaw(event: Mapping[str, Any]) -> tuple[list[int], dict[str, str]]:
    """What the trigger reported: places that are readable, and those that failed for good with their texts.

    Raises:
        StepRetry: the trigger met trouble that may pass.
    """
    if event["trouble"]:
        raise StepRetry(f"Waiting for thaws: {event['trouble']}")
    return list(event["readable"]), dict(event["failed"])


class ThawSensor(BaseSensorOperator):
    """Returns the shares ``[place, number]`` of the versions that can be copied now, for ``copy`` and ``verify``.

    Without archived objects it returns at once. Otherwise one trigger waits for the whole run; when ``timeout`` is over
    the task fails and is not retried.

    Args:
        opened: result of ``open_ingest``.
        plans: result of ``plan_replication``.
        asked: result of ``thaw.request``.
    """

    template_fields = ("opened", "plans", "asked")
    ui_color = "#d3e5f5"

    def __init__(self, *, opened: Any, plans: Any, asked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.opened = opened
        self.plans = plans
        self.asked = asked

    def execute(self, context: Context) -> list[list[int]]:  # noqa: ARG002 - Airflow's signature
        """Hand the waiting to the triggerer, if there is anything to wait for."""
        planned = unpack_plans(self.plans["plans"])
        archived = [place for place in self.asked["places"] if planned[place].archived]
        if archived:
            self._wait(archived)
        return self._shares(self.asked["places"])

    def resume(self, context: Context, event: Mapping[str, Any]) -> list[list[int]]:  # noqa: ARG002 - likewise
        """Go on after the trigger has fired."""
        readable, failed = after_thaw(event)
        for text in failed.values():
            self.log.error("%s", text)
        planned = unpack_plans(self.plans["plans"])
        places = [place for place in self.asked["places"] if place in readable or not planned[place].archived]
        if not places:
            raise AirflowFailException("\n".join(failed.values()))
        return self._shares(places)

    def _wait(self, places: list[int]) -> NoReturn:
        trigger = thaw_trigger(self.opened, places)
        self.log.info("Waiting for the thaws of %d bag version(s).", len(places))
        self.defer(trigger=trigger, method_name="resume", timeout=timedelta(seconds=self.timeout))

    def _shares(self, places: Iterable[int]) -> list[list[int]]:
        planned = unpack_plans(self.plans["plans"])
        return shares(planned[place] for place in sorted(places))
