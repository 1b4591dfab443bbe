"""Waits in the triggerer until everything that a run has asked for is readable."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from bagfill.logs import Line, about, tell
from bagfill.settings import SettingsError
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.wait_for_thaw import poll_thaw
from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.outcomes import describe
from bagfill_airflow.references import unpack_ingests
from bagfill_airflow.restore_events import Mailbox
from bagfill_airflow.services import current_settings, restore_events, shared_services

logger = logging.getLogger(__name__)

_GROWTH = 1.5
_JITTER = 0.15


class ThawTrigger(BaseTrigger):
    """One trigger for a whole run: polls the ingests that have archived objects, and fires once.

    It holds references only, no secrets. Polling is idempotent, so a triggerer may stop at any moment and another
    start over; each poll prolongs the claims. The event says::

        {"readable": [places], "failed": {place: text}, "trouble": text or None}

    ``failed`` are versions that no waiting can help. With ``trouble`` too many polls in a row failed, and the task is
    to be retried.

    Args:
        opened: ingests of the run, as ``open_ingest`` packed them.
        places: which of them are waited for.
        poll_seconds: time between the first polls; grows by half up to ``longest_poll_seconds``, with jitter.
        longest_poll_seconds: see there; a third of the claims' lease if that is less.
        tolerated: failed polls in a row that are borne.
        shard: wait for the files of this copy shard alone; there is one place then.
    """

    def __init__(
        self,
        *,
        opened: Mapping[str, Any],
        places: list[int],
        poll_seconds: float,
        longest_poll_seconds: float,
        tolerated: int = 10,
        shard: int | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.opened = dict(opened)
        self.places = list(places)
        self.poll_seconds = poll_seconds
        self.longest_poll_seconds = longest_poll_seconds
        self.tolerated = tolerated
        self.shard = shard
        self._waiting: dict[int, IngestRef] = {}
        self._failed: dict[int, str] = {}
        self._outstanding: dict[int, int] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return (
            "bagfill_airflow.triggers.thaw.ThawTrigger",
            {
                "opened": self.opened,
                "places": self.places,
                "poll_seconds": self.poll_seconds,
                "longest_poll_seconds": self.longest_poll_seconds,
                "tolerated": self.tolerated,
                "shard": self.shard,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until nothing is waited for."""
        refs = unpack_ingests(self.opened)
        self._waiting, self._failed = {place: refs[place] for place in self.places}, {}
        self._outstanding = {}
        shared = shared_services()
        troubled, polls = 0, 0
        async with shared, self._mailbox(refs) as mailbox:
            while True:
                trouble = await self._poll_all()
                troubled = troubled + 1 if trouble else 0
                if not self._waiting or troubled > self.tolerated:
                    break
                if trouble:
                    self.log.warning("Poll %d of %d that may fail: %s", troubled, self.tolerated, trouble)
                await self._rest(self._pause(polls), mailbox)
                polls += 1
        readable = [place for place in self.places if place not in self._waiting and place not in self._failed]
        failed = {str(place): text for place, text in self._failed.items()}
        event = {"readable": readable, "failed": failed, "trouble": trouble if self._waiting else None}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _poll_all(self) -> str | None:
        """Poll what is waited for, one after the other; what stood in the way, if anything may pass by itself."""
        trouble = None
        for place, ref in list(self._waiting.items()):
            try:
                async with shared_services().borrowed() as services:
                    state = await asyncio.to_thread(poll_thaw, services, ref, shard=self.shard)
            except (SettingsError, CredentialsError) as error:
                trouble = f"Bagfill is not configured: {error}"
                continue
            except Exception as error:
                # A surprise with one bag version is told as trouble; so many polls in a row with some end the waiting.
                self.log.exception("Polling %s", ref.bag_version)
                trouble = f"{ref.bag_version}: {type(error).__name__}: {error}"
                continue
            if isinstance(state, StepFailed):
                if state.retryable:
                    trouble = f"{ref.bag_version}: {describe(state)}"
                    continue
                self._failed[place] = f"{ref.bag_version}: {describe(state)}"
                del self._waiting[place]
                continue
            with about(ref):
                tell(
                    logger,
                    Line.THAW_LOOKED_AT,
                    objects=state.total,
                    readable=state.readable,
                    thawing=state.thawing,
                    asked_again=state.asked_again,
                )
            self._outstanding[place] = state.total - state.readable - state.later
            if state.done:
                del self._waiting[place]
        return trouble

    @asynccontextmanager
    async def _mailbox(self, refs: Sequence[IngestRef]) -> AsyncIterator[Mailbox | None]:
        """Where events about the waiting versions arrive, if a queue is configured."""
        try:
            settings = await asyncio.to_thread(current_settings)
            reader = restore_events()
        except SettingsError as error:
            self.log.warning("No restore events are waited for: %s", error)
            yield None
            return
        if reader is None:
            yield None
            return
        waiting = [refs[place] for place in self.places]
        sources = [(settings.locations[ref.source], ref) for ref in waiting if ref.source in settings.locations]
        with reader.mailbox([(source.bucket, source.version_prefix(ref.id)) for source, ref in sources]) as mailbox:
            yield mailbox

    async def _rest(self, seconds: float, mailbox: Mailbox | None) -> None:
        """Until the next poll: for so long, or until everything that is waited for is said to be readable."""
        if mailbox is None:
            await asyncio.sleep(seconds)
        elif await mailbox.wait_for(sum(self._outstanding.values()), seconds):
            self.log.info("The queue says that everything can be read.")

    def _pause(self, polls: int) -> float:
        longest = self.longest_poll_seconds
        try:
            longest = min(longest, current_settings().limits.lease.total_seconds() / 3)
        except SettingsError:
            self.log.warning("The settings cannot be read; polling goes on.")
        seconds = min(self.poll_seconds * _GROWTH ** min(polls, 50), longest)
        return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads polls, guards nothing
