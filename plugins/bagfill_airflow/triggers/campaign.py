"""Waits in the triggerer until the campaign of an ingest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from bagfill.settings import SettingsError
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import utc_now
from bagfill.steps.wait_for_campaign import poll_campaign
from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.outcomes import describe
from bagfill_airflow.services import shared_services


class CampaignTrigger(BaseTrigger):
    """Fires once, when the ingest may ask for its next act, or never will again.

    Each look prolongs the claim. The event says ``{"failed": text or None, "trouble": text or None}``: ``failed`` if
    the campaign was cancelled, ``trouble`` if too many looks in a row failed and the task is to be retried.

    Args:
        ref: the ingest.
        again: before this moment (ISO 8601) there is no use in asking; ``None``: nobody knows.
        poll_seconds: between two looks.
        tolerated: failed looks in a row that are borne.
    """

    def __init__(
        self, *, ref: Mapping[str, Any], again: str | None, poll_seconds: float = 20.0, tolerated: int = 30
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ref = dict(ref)
        self.again = again
        self.poll_seconds = poll_seconds
        self.tolerated = tolerated

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return (
            "bagfill_airflow.triggers.campaign.CampaignTrigger",
            {
                "ref": self.ref,
                "again": self.again,
                "poll_seconds": self.poll_seconds,
                "tolerated": self.tolerated,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it goes on."""
        ref = IngestRef.from_json(self.ref)
        again = None if self.again is None else datetime.fromisoformat(self.again)
        failed: str | None = None
        troubles: list[str] = []
        async with shared_services():
            while len(troubles) <= self.tolerated:
                try:
                    async with shared_services().borrowed() as services:
                        looked = await asyncio.to_thread(poll_campaign, services, ref)
                except (SettingsError, CredentialsError) as error:
                    troubles.append(f"Bagfill is not configured: {error}")
                except Exception as error:
                    # A registry that does not answer now is asked again; so many times in a row end the waiting.
                    self.log.exception("Looking at campaign %s", ref.campaign)
                    troubles.append(f"{type(error).__name__}: {error}")
                else:
                    troubles.clear()
                    if isinstance(looked, StepFailed):
                        failed = describe(looked)
                        break
                    if looked and (again is None or utc_now() >= again):
                        break
                await asyncio.sleep(self.poll_seconds)
        trouble = troubles[-1] if troubles else None
        yield TriggerEvent({"failed": failed, "trouble": trouble})  # type: ignore[no-untyped-call]
