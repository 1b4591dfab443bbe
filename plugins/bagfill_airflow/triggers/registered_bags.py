"""Looks, in the triggerer, whether a storage service has announced newly registered bags."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from bagfill.settings import SettingsError
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError
from bagfill_airflow.services import open_registered_queue


class RegisteredBagsTrigger(BaseEventTrigger):
    """Fires while messages wait, and takes none: the run that it starts receives, records and only then deletes them.

    Args:
        poll_seconds: between two looks at an empty queue.
        rest_seconds: after it fired, so that the run it started has begun.
    """

    def __init__(self, *, poll_seconds: float = 10.0, rest_seconds: float = 60.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.poll_seconds = poll_seconds
        self.rest_seconds = rest_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return (
            "bagfill_airflow.triggers.registered_bags.RegisteredBagsTrigger",
            {"poll_seconds": self.poll_seconds, "rest_seconds": self.rest_seconds},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for ever."""
        while True:
            try:
                queue = await open_registered_queue()
                try:
                    waiting = await asyncio.to_thread(queue.waiting)
                    while waiting == 0:
                        await asyncio.sleep(self.poll_seconds)
                        waiting = await asyncio.to_thread(queue.waiting)
                finally:
                    await asyncio.to_thread(queue.close)
            except (SettingsError, CredentialsError, StoreError) as error:
                self.log.warning("The queue of registered bags: %s. The sweep finds them as well.", error)
            else:
                yield TriggerEvent({"waiting": waiting})  # type: ignore[no-untyped-call]
            await asyncio.sleep(self.rest_seconds)
