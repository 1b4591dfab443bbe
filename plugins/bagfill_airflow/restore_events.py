"""Wakes waiting triggers when a queue says that their restores are complete: one reader for a whole triggerer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bagfill.settings import SettingsError
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.queue import MessageQueue, QueueMessage
from bagfill.thaw.events import restored_objects

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 20
_PAUSE_SECONDS = 30.0
"""After a queue did not answer. Nothing is lost meanwhile: triggers poll anyway."""
_MOST_KEPT = 100_000
"""Keys that one trigger tells apart; beyond them it goes by its polls."""
_MOST_TIMES = 3
"""A message that nobody here waits for is left to other triggerers so often, then deleted."""

Prefix = tuple[str, str]
"""Bucket, and a folder of it, ending in ``/``."""


class Mailbox:
    """What one waiting trigger has been told: how many different objects are readable by now."""

    def __init__(self) -> None:
        self._keys: set[int] = set()
        self._news = asyncio.Event()

    def put(self, key: str) -> None:
        """Note an object; the same again counts once."""
        if len(self._keys) < _MOST_KEPT:
            self._keys.add(hash(key))
            self._news.set()

    async def wait_for(self, objects: int, seconds: float) -> bool:
        """Return once so many different objects were told of since the last such wait, or the time is over.

        One look at the listing is worth it when everything is said to be readable, not for each of a million objects.

        Returns:
            whether that many were told of.
        """
        try:
            async with asyncio.timeout(seconds):
                while not 0 < objects <= len(self._keys):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        finally:
            if 0 < objects <= len(self._keys):
                self._keys.clear()
        return True


class RestoreEvents:
    """Reads the queue for as long as somebody waits, and hands each event to the mailbox of its folder.

    Args:
        queue: opens the installation's queue. May raise StoreError, CredentialsError or SettingsError.
        wait_seconds: how long one read waits for messages.
    """

    def __init__(self, queue: Callable[[], Awaitable[MessageQueue]], *, wait_seconds: int = _WAIT_SECONDS) -> None:
        self._open = queue
        self._wait_seconds = wait_seconds
        self._boxes: dict[Prefix, list[Mailbox]] = {}
        self._reading: asyncio.Task[None] | None = None

    @contextmanager
    def mailbox(self, prefixes: Sequence[Prefix]) -> Iterator[Mailbox]:
        """A mailbox for events about objects in these folders, for the time of the block."""
        box = Mailbox()
        for prefix in prefixes:
            self._boxes.setdefault(prefix, []).append(box)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())
            self._reading.add_done_callback(_told_why)
        try:
            yield box
        finally:
            for prefix in prefixes:
                self._boxes[prefix].remove(box)
                if not self._boxes[prefix]:
                    del self._boxes[prefix]
            if not self._boxes and self._reading is not None:
                self._reading.cancel()
                self._reading = None

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        # A thread of its own: a read that waits must not hold up one of those that poll.
        thread = ThreadPoolExecutor(1, thread_name_prefix="restore-events")
        queue: MessageQueue | None = None
        try:
            while True:
                try:
                    if queue is None:
                        queue = await self._open()
                    messages = await loop.run_in_executor(thread, queue.receive, self._wait_seconds)
                    kept = [message for message in messages if self._is_for_others(message)]
                    done = [message for message in messages if message not in kept]
                    await loop.run_in_executor(thread, queue.delete, done)
                    await loop.run_in_executor(thread, queue.give_back, kept)
                except (StoreError, CredentialsError, SettingsError) as error:
                    logger.warning("The queue of restore events: %s. Polling goes on.", error)
                    # Opened anew after the pause: with the settings and the keys of then.
                    if queue is not None:
                        thread.submit(queue.close)
                        queue = None
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            if queue is not None:
                thread.submit(queue.close)
            thread.shutdown(wait=False)

    def _is_for_others(self, message: QueueMessage) -> bool:
        """Hand a message over to whoever waits here; if nobody does, another triggerer's may."""
        found = list(restored_objects(message.body))
        boxes = [(box, event.key) for event in found for box in self._waiting(event.bucket, event.key)]
        for box, key in boxes:
            box.put(key)
        return bool(found) and not boxes and message.received < _MOST_TIMES

    def _waiting(self, bucket: str, key: str) -> Iterator[Mailbox]:
        end = key.find("/")
        while end >= 0:
            yield from self._boxes.get((bucket, key[: end + 1]), ())
            end = key.find("/", end + 1)


def _told_why(reading: asyncio.Task[None]) -> None:
    """A surprise ends the reader, which the next trigger that waits begins anew; it must not end without a word."""
    if not reading.cancelled() and (surprise := reading.exception()) is not None:
        logger.error("The reader of restore events ended. Polling goes on.", exc_info=surprise)
