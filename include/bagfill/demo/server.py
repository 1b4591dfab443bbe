"""What the embedded servers have in common: usable alone in a ``with``, or together under one supervisor."""

from __future__ import annotations

import importlib.util
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from bagfill.demo.ports import free_port, release_ports
from bagfill.demo.programs import Program
from bagfill.demo.supervisor import Supervisor


class NotInstalled(RuntimeError):
    """A part of the embedded stack is missing."""

    def __init__(self, what: str, looked_at: Path | str) -> None:
        super().__init__(f"{what} is not installed (looked at {looked_at}); run `make setup`")


class EmbeddedServer(ABC):
    """One server of the embedded stack.

    Args:
        work_dir: folder for its files and its log; made when missing. Contents are not reused by a later start.
    """

    name: str

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir.resolve()
        self._ports: list[int] = []
        self._alone: Supervisor | None = None

    @property
    def log(self) -> Path:
        return self.work_dir / f"{self.name}.log"

    @abstractmethod
    def program(self) -> Program:
        """Prepares files and describes the program; each call is a fresh start."""

    def after_start(self) -> None:  # noqa: B027 - most servers have nothing to do
        """Finishes the start once the program answers; called once, also under a supervisor."""

    def start(self) -> float:
        """Starts the server under a supervisor of its own; returns seconds until it was ready.

        Raises:
            StartFailed: with the tail of the log.
        """
        self._alone = Supervisor(self.work_dir / f"{self.name}.state.json")
        try:
            seconds = self._alone.start(self.program())[self.name]
            self.after_start()
        except BaseException:
            self.stop()
            raise
        return seconds

    def stop(self) -> None:
        if self._alone is not None:
            self._alone.stop()
            self._alone = None
        self.release_ports()

    def release_ports(self) -> None:
        release_ports(*self._ports)
        self._ports.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _port(self) -> int:
        port = free_port()
        self._ports.append(port)
        return port


def package_folder(name: str, what: str) -> Path:
    """The folder of an installed package, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise NotInstalled(what, f"package {name}")
    return Path(found.origin).parent


def installed_script(name: str, what: str) -> Path:
    """A program that a package put beside the running Python."""
    script = Path(sys.executable).parent / name
    if not script.exists():
        raise NotInstalled(what, script)
    return script


def project_folder() -> Path:
    """The checkout: ``make setup`` puts Azurite, and keeps the state of the stack, under its ``.bagfill``."""
    return Path(__file__).resolve().parents[3]
