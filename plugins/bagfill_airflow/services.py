"""The core's services inside Airflow: opened for one task, or shared by all triggers of a triggerer.

The settings file (``BAGFILL_CONFIG``, else ``include/config/bagfill.toml``) is parsed once in a process, and again only
when it has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bagfill.database.errors import DatabaseError
from bagfill.settings import Settings, SettingsError, load_settings, settings_path
from bagfill.settings.storage_service import RegisteredBags
from bagfill.steps.services import Services
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.queue import MessageQueue
from bagfill_airflow.connections import AirflowCredentials, task_connection, trigger_connections
from bagfill_airflow.log_lines import use_airflows_logs
from bagfill_airflow.metrics import metered
from bagfill_airflow.outcomes import misconfigured
from bagfill_airflow.restore_events import RestoreEvents

if TYPE_CHECKING:
    from bagfill.storage.sqs import SqsQueue

_SHARED_FOR_SECONDS = 900.0
"""Age at which triggers get services with freshly read settings and connections."""


def current_settings() -> Settings:
    """The settings. Raises SettingsError."""
    path = settings_path()
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return _parsed(path, changed)


@lru_cache(maxsize=2)
def _parsed(path: Path, _changed: int) -> Settings:
    return load_settings(path)


@contextmanager
def task_services() -> Iterator[Services]:
    """Services for the time of a task; what a person must correct first ends the task without a retry."""
    # Here, and not above: a DAG that is parsed needs neither, and `wiring` knows every implementation.
    from bagfill.collector import collect_seldom

    # A task has a process of its own. First this: then all else is loaded.
    collect_seldom()
    from bagfill.wiring import open_services

    use_airflows_logs()

    with ExitStack() as opened:
        try:
            credentials = AirflowCredentials(task_connection)
            services = opened.enter_context(open_services(current_settings(), credentials))
        except (SettingsError, CredentialsError, DatabaseError, StoreError) as error:
            if getattr(error, "retryable", False):
                raise
            raise misconfigured(error) from error
        yield metered(services)


def reading_connections(settings: Settings) -> set[str]:
    """Connections of everything that a trigger may read or keep records in."""
    places = (*settings.locations.values(), settings.work_area.location, settings.receipts.location)
    read = {place.read_connection for place in (*places, settings.manifests.location)}
    # What is asked for again while a run waits may be enough for a job.
    jobs = {place.batch.connection for place in settings.locations.values() if place.batch is not None}
    # A trigger asks again for what expired while it waited.
    thawing = {place.thaw_connection for place in settings.locations.values()}
    # Beside a storage service its manifests are read; a trigger that ends an ingest's wait has its letters sent, too.
    beside = {each.connection for each in (settings.service_manifests, settings.service_ingests) if each is not None}
    return {connection for connection in read | jobs | thawing | beside if connection}


@dataclass(slots=True)
class _Opened:
    manager: AbstractContextManager[Services]
    services: Services
    since: float
    polls: int = 0

    async def close(self) -> None:
        await asyncio.to_thread(self.manager.__exit__, None, None, None)


class SharedServices:
    """One opened set of services for all triggers of an event loop: a thousand triggers do not need a thousand clients.

    ``async with shared:`` for as long as a trigger lives; ``async with shared.borrowed() as services:`` for one poll.
    The last trigger that leaves closes them.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._triggers = 0
        self._current: _Opened | None = None

    async def __aenter__(self) -> None:
        self._triggers += 1

    async def __aexit__(self, *_: object) -> None:
        self._triggers -= 1
        if self._triggers == 0:
            await self._retire()

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Services]:
        """Services for one poll. Raises SettingsError, CredentialsError, or what the database raises."""
        async with self._lock:
            if self._current is not None and time.monotonic() - self._current.since > _SHARED_FOR_SECONDS:
                await self._retire()
            if self._current is None:
                self._current = await _open()
            opened = self._current
            opened.polls += 1
        try:
            yield opened.services
        finally:
            opened.polls -= 1
            if opened is not self._current and opened.polls == 0:
                await opened.close()

    async def _retire(self) -> None:
        opened, self._current = self._current, None
        if opened is not None and opened.polls == 0:
            await opened.close()


async def _open() -> _Opened:
    from bagfill.wiring import open_services

    use_airflows_logs()
    # Connections are looked up here, on the loop: from a thread that would block on the triggerer's own channel.
    settings = await asyncio.to_thread(current_settings)
    credentials = AirflowCredentials.of(await trigger_connections(reading_connections(settings)))
    manager = open_services(settings, credentials)
    services = await asyncio.to_thread(manager.__enter__)
    return _Opened(manager, services, time.monotonic())


async def open_restore_queue() -> MessageQueue:
    """The queue that the settings name. Raises StoreError, CredentialsError or SettingsError."""
    from bagfill.storage.sqs import SqsQueue

    settings = await asyncio.to_thread(current_settings)
    events = settings.thaw_events
    if events is None:
        raise SettingsError(settings.path, ("thaw_events: no queue is configured",))
    connections = {events.connection} if events.connection else set()
    credentials = AirflowCredentials.of(await trigger_connections(connections))
    return await asyncio.to_thread(lambda: SqsQueue(events.queue, credentials.s3(events.connection)))


@dataclass(frozen=True, slots=True)
class RegisteredQueues:
    """Opens the queues of registered bags.

    Args:
        rules: of the settings.
        credentials: supplies the access behind the connection.
    """

    rules: RegisteredBags
    credentials: AirflowCredentials

    @property
    def moves_malformed(self) -> bool:
        """Whether messages that are not understood go elsewhere."""
        return self.rules.malformed_queue is not None

    def notifications(self) -> SqsQueue:
        """The queue of notifications. Raises StoreError or CredentialsError."""
        return self._opened(self.rules.queue)

    def malformed(self) -> SqsQueue:
        """The queue of messages that are not understood. Raises StoreError or CredentialsError."""
        return self._opened(self.rules.malformed_queue or "")

    def _opened(self, url: str) -> SqsQueue:
        from bagfill.storage.sqs import SqsQueue

        return SqsQueue(url, self.credentials.s3(self.rules.connection))


def registered_queues() -> RegisteredQueues | None:
    """In a task: the queues of registered bags, if somebody listens. Raises SettingsError."""
    rules = current_settings().registered_bags
    return None if rules is None else RegisteredQueues(rules, AirflowCredentials(task_connection))


async def open_registered_queue() -> SqsQueue:
    """In the triggerer: the queue of registered bags. Raises StoreError, CredentialsError or SettingsError."""
    settings = await asyncio.to_thread(current_settings)
    rules = settings.registered_bags
    if rules is None:
        raise SettingsError(settings.path, ("storage_service.listener: no queue is configured",))
    connections = {rules.connection} if rules.connection else set()
    credentials = AirflowCredentials.of(await trigger_connections(connections))
    return await asyncio.to_thread(RegisteredQueues(rules, credentials).notifications)


_events: dict[asyncio.AbstractEventLoop, RestoreEvents] = {}


def restore_events() -> RestoreEvents | None:
    """The reader of the running event loop, if a queue is configured. Raises SettingsError."""
    if current_settings().thaw_events is None:
        return None
    loop = asyncio.get_running_loop()
    for other in [other for other in _events if other.is_closed()]:
        del _events[other]
    return _events.setdefault(loop, RestoreEvents(open_restore_queue))


_shared: dict[asyncio.AbstractEventLoop, SharedServices] = {}


def shared_services() -> SharedServices:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    for other in [other for other in _shared if other.is_closed()]:
        del _shared[other]
    return _shared.setdefault(loop, SharedServices())
