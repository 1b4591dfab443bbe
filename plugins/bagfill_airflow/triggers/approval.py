"""Waits in the triggerer until a person has answered, here or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.triggers.base import TriggerEvent

from bagfill.steps.campaign_answer import waits
from bagfill_airflow.services import shared_services

_LOOKS = 20
"""At an earlier try's answer, before the question is asked again."""


class ApprovalTrigger(HITLTrigger):
    """Fires with the answer given in Airflow; or with ``{"elsewhere": state}`` once the campaign waits for none.

    A campaign is approved, rejected or cancelled by HTTP and at terminals too; then nobody is to be asked any longer.

    Args:
        campaign: its name.
        revision: that the question was about.
        poll_seconds: between two looks at the campaign.
        before: look whether an earlier try's question was answered, and fire with ``{"unanswered": True}`` if not.
        asked: what :class:`HITLTrigger` takes.
    """

    def __init__(
        self, *, campaign: str, revision: int, poll_seconds: float = 15.0, before: bool = False, **asked: Any
    ) -> None:
        super().__init__(**asked)
        self.campaign = campaign
        self.revision = revision
        self.poll_seconds = poll_seconds
        self.before = before

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        _, asked = super().serialize()
        own = {
            "campaign": self.campaign,
            "revision": self.revision,
            "poll_seconds": self.poll_seconds,
            "before": self.before,
        }
        return "bagfill_airflow.triggers.approval.ApprovalTrigger", {**asked, **own}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for whichever comes first."""
        answered = asyncio.ensure_future(self._answered_before() if self.before else self._answered())
        elsewhere = asyncio.ensure_future(self._elsewhere())
        try:
            await asyncio.wait({answered, elsewhere}, return_when=asyncio.FIRST_COMPLETED)
            # An answer that was given is carried out, or refused, whatever became of the campaign.
            yield await (answered if answered.done() else elsewhere)
        finally:
            answered.cancel()
            elsewhere.cancel()

    async def _answered(self) -> TriggerEvent:
        while True:
            try:
                return await anext(super().run())
            except Exception:
                # Airflow's API server may be starting again. The question stands, and so does an answer to it.
                self.log.exception("Looking for an answer about campaign %s", self.campaign)
            await asyncio.sleep(self.poll_seconds)

    async def _answered_before(self) -> TriggerEvent:
        for _ in range(_LOOKS):
            try:
                found = await self._handle_response()  # type: ignore[no-untyped-call]
            except Exception:
                # Airflow's API server may be starting again.
                self.log.exception("Looking for an answer about campaign %s", self.campaign)
                await asyncio.sleep(self.poll_seconds)
                continue
            if isinstance(found, TriggerEvent):
                return found
            break
        return TriggerEvent({"unanswered": True})  # type: ignore[no-untyped-call]

    async def _elsewhere(self) -> TriggerEvent:
        async with shared_services():
            while True:
                try:
                    async with shared_services().borrowed() as services:
                        found = await asyncio.to_thread(services.campaigns.get, self.campaign)
                except Exception:
                    # The question stands as long as nobody can tell; the registry is asked again.
                    self.log.exception("Looking at campaign %s", self.campaign)
                else:
                    if found is None:
                        return TriggerEvent({"elsewhere": "not there"})  # type: ignore[no-untyped-call]
                    if not waits(found, self.revision):
                        return TriggerEvent({"elsewhere": found.state.value})  # type: ignore[no-untyped-call]
                await asyncio.sleep(self.poll_seconds)
