"""The core's services inside the API server: opened once in each process, shared by threads, renewed now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from airflow.models.connection import Connection as StoredConnection
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from bagfill.database.errors import DatabaseError
from bagfill.settings import Settings
from bagfill.steps.services import Services
from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.connections import AirflowCredentials
from bagfill_airflow.log_lines import use_airflows_logs
from bagfill_airflow.services import current_settings

_RENEWED_AFTER_SECONDS = 900.0
_TRIED_AGAIN_AFTER_SECONDS = 5.0

Open = Callable[[Settings], AbstractContextManager[Services]]


def server_connection(connection_id: str) -> Connection:
    """A connection, looked up by the API server itself. Raises CredentialsError."""
    try:
        stored = StoredConnection.get_connection_from_secrets(connection_id)
    except AirflowNotFoundException:
        text = f"There is no Airflow connection {connection_id!r}, which the settings name."
        raise CredentialsError(text) from None
    return Connection(
        conn_id=stored.conn_id,
        conn_type=stored.conn_type,
        host=stored.host,
        schema=stored.schema,
        login=stored.login,
        password=stored.password,
        port=stored.port,
        extra=stored.extra,
    )


def open_for_server(settings: Settings) -> AbstractContextManager[Services]:
    """Services with connections as the API server finds them."""
    # Here, and not above: it knows every implementation, and a component that lists plugins needs none of them.
    from bagfill.wiring import open_services

    use_airflows_logs()
    return open_services(settings, AirflowCredentials(server_connection))


class ServerServices:
    """One set of services for all requests; another one when the settings changed, or their age says so.

    A set that was replaced is closed by the last request that uses it. When they could not be opened, the requests of
    the next seconds are told so at once: each would else hold a thread of the API server until a connection times out,
    and Airflow's own pages have no others.
    """

    def __init__(self, open_them: Open = open_for_server) -> None:
        self._open = open_them
        self._lock = threading.Lock()
        self._current: _Shared | None = None
        self._failed: _Failed | None = None

    @contextmanager
    def borrowed(self) -> Iterator[Services]:
        """Services for one request. Raises SettingsError, or what opening them raises."""
        shared = self._take()
        try:
            yield shared.services
        finally:
            self._give_back(shared)

    def _take(self) -> _Shared:
        settings = current_settings()
        with self._lock:
            current = self._current
            if current is None or current.settings is not settings or current.age > _RENEWED_AFTER_SECONDS:
                made = self._made(settings)
                self._retire(current)
                self._current = current = made
            current.borrowers += 1
            return current

    def _made(self, settings: Settings) -> _Shared:
        failed = self._failed
        if failed is not None and failed.settings is settings and time.monotonic() < failed.until:
            raise failed.error
        try:
            return _Shared(self._open(settings), settings)
        except DatabaseError as error:
            self._failed = _Failed(settings, error, time.monotonic() + _TRIED_AGAIN_AFTER_SECONDS)
            raise

    def _give_back(self, shared: _Shared) -> None:
        with self._lock:
            shared.borrowers -= 1
            if shared is not self._current:
                self._retire(shared)

    def _retire(self, shared: _Shared | None) -> None:
        if shared is not None and shared.borrowers == 0:
            shared.close()


@dataclass(frozen=True, slots=True)
class _Failed:
    settings: Settings
    error: DatabaseError
    until: float


class _Shared:
    def __init__(self, manager: AbstractContextManager[Services], settings: Settings) -> None:
        self._manager = manager
        self._since = time.monotonic()
        self.services = manager.__enter__()
        self.settings = settings
        self.borrowers = 0

    @property
    def age(self) -> float:
        return time.monotonic() - self._since

    def close(self) -> None:
        self._manager.__exit__(None, None, None)
