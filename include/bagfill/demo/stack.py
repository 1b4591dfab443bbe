"""The embedded stack as a whole: which servers, in which order, and where they answer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bagfill.demo.airflow_api import AirflowApi
from bagfill.demo.airflow_components import AirflowComponents
from bagfill.demo.azurite import Azurite
from bagfill.demo.leftovers import end_leftovers
from bagfill.demo.ministack import MiniStack
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.programs import Cancelled, never, raise_if
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.server import EmbeddedServer
from bagfill.demo.supervisor import Supervisor

Part = TypeVar("Part", bound=EmbeddedServer)
Environment = Callable[["EmbeddedStack"], Mapping[str, str]]


class DagsNotLoaded(RuntimeError):
    """Airflow runs, but a DAG file of the project cannot be read or did not appear."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts answer; ``None`` for parts that were not asked for. Credentials are on the server objects."""

    ministack: str | None
    seaweedfs: str | None
    azurite: str | None
    airflow: str | None


@dataclass(slots=True)
class _Parts:
    servers: dict[str, EmbeddedServer] = field(default_factory=dict)
    airflow: AirflowComponents | None = None


class EmbeddedStack:
    """Servers, and Airflow with PostgreSQL if wanted, under one supervisor.

    Args:
        work_dir: folder of its own for files, logs and the state file; what an earlier stack left there is removed.
        with_airflow: start PostgreSQL and Airflow's four components too.
        servers: any of ``ministack``, ``azurite``, ``seaweedfs``, ``postgresql``.
        restore_delay: seconds a restore takes in MiniStack.
        environment: called once the servers answer and before Airflow starts; what it returns is added to the
            environment of Airflow's components: connections, the settings file, the registry's address.
        dags_folder, plugins_folder: the project's, unless told otherwise.
        cancelled: asked while the stack starts; true ends the start.

    Raises:
        AlreadyRunning: by ``start``, when a live stack works in ``work_dir``.
    """

    def __init__(
        self,
        work_dir: Path,
        *,
        with_airflow: bool,
        servers: Iterable[str] = ("ministack", "azurite"),
        restore_delay: float = 4.0,
        environment: Environment = lambda _: {},
        dags_folder: Path | None = None,
        plugins_folder: Path | None = None,
        cancelled: Cancelled = never,
    ) -> None:
        self.work_dir = work_dir.resolve()
        self._wanted = list(servers) + (["postgresql"] if with_airflow and "postgresql" not in servers else [])
        self._with_airflow = with_airflow
        self._restore_delay = restore_delay
        self._environment = environment
        self._folders = (dags_folder, plugins_folder)
        self._cancelled = cancelled
        self._parts = _Parts()
        self._supervisor: Supervisor | None = None

    @property
    def state_file(self) -> Path:
        return self.work_dir / "state.json"

    def start(self) -> dict[str, float]:
        """Starts everything; returns seconds by part. On failure nothing is left running.

        Raises:
            StartFailed: a program did not start; names its log and shows the end of it.
            DagsNotLoaded: Airflow could not read a DAG file.
            StartCancelled: as ``cancelled`` said.
        """
        begun = time.monotonic()
        end_leftovers(self.state_file)
        shutil.rmtree(self.work_dir, ignore_errors=True)
        self.work_dir.mkdir(parents=True, mode=0o700)
        self._supervisor = Supervisor(self.state_file, cancelled=self._cancelled)
        try:
            self._parts.servers = {name: self._make(name) for name in self._wanted}
            self._supervisor.start(*(server.program() for server in self._parts.servers.values()))
            for server in self._parts.servers.values():
                server.after_start()
            if self._with_airflow:
                self._start_airflow(self._supervisor)
            return {**self._supervisor.timings, "all": time.monotonic() - begun}
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything in reverse order; safe to call again. Logs stay until the next start."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        for server in self._parts.servers.values():
            server.release_ports()
        if self._parts.airflow is not None:
            self._parts.airflow.release_ports()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def addresses(self) -> Addresses:
        servers = self._parts.servers
        return Addresses(
            self.ministack.endpoint if "ministack" in servers else None,
            self.seaweedfs.endpoint if "seaweedfs" in servers else None,
            self.azurite.endpoint if "azurite" in servers else None,
            self._parts.airflow.address if self._parts.airflow is not None else None,
        )

    @property
    def ministack(self) -> MiniStack:
        return self._part(MiniStack)

    @property
    def seaweedfs(self) -> SeaweedFS:
        return self._part(SeaweedFS)

    @property
    def azurite(self) -> Azurite:
        return self._part(Azurite)

    @property
    def postgresql(self) -> PostgreSQL:
        return self._part(PostgreSQL)

    @property
    def airflow(self) -> AirflowComponents:
        if self._parts.airflow is None:
            raise LookupError("this stack has no Airflow")
        return self._parts.airflow

    @property
    def supervisor(self) -> Supervisor:
        if self._supervisor is None:
            raise LookupError("this stack is not running")
        return self._supervisor

    def _part(self, kind: type[Part]) -> Part:
        for server in self._parts.servers.values():
            if isinstance(server, kind):
                return server
        raise LookupError(f"this stack has no {kind.name}")

    def _make(self, name: str) -> EmbeddedServer:
        match name:
            case "ministack":
                return MiniStack(self.work_dir, restore_delay=self._restore_delay)
            case "seaweedfs":
                return SeaweedFS(self.work_dir)
            case "azurite":
                return Azurite(self.work_dir)
            case "postgresql":
                return PostgreSQL(self.work_dir)
            case _:
                raise ValueError(f"no server named {name!r}")

    def _start_airflow(self, supervisor: Supervisor) -> None:
        airflow = self._parts.airflow = AirflowComponents(
            self.work_dir,
            self.postgresql.create_database("airflow"),
            self._environment(self),
            dags_folder=self._folders[0],
            plugins_folder=self._folders[1],
        )
        airflow.start(supervisor)
        with airflow.api() as api:
            wait_for_dags(api, airflow.dags_folder, cancelled=self._cancelled)


def wait_for_dags(api: AirflowApi, dags_folder: Path, within: float = 90, *, cancelled: Cancelled = never) -> None:
    """Waits until every file of the folder gave a DAG, which by our rule is named as its file.

    Raises:
        DagsNotLoaded: a file cannot be imported, or gave no DAG of its name in time.
        StartCancelled: as ``cancelled`` said.
    """
    expected = {file.stem for file in dags_folder.glob("*.py")}
    deadline = time.monotonic() + within
    while missing := expected - set(api.dag_ids()):
        raise_if(cancelled)
        if errors := api.import_errors():
            raise DagsNotLoaded("\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors))
        if time.monotonic() > deadline:
            raise DagsNotLoaded(f"after {within:.0f} s Airflow does not know {', '.join(sorted(missing))}")
        time.sleep(0.25)
