"""Starts programs in order, restarts what crashes, stops them in reverse order."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bagfill.demo.leftovers import ProcessMark, ProgramRecord, end_leftovers, write_state
from bagfill.demo.programs import Cancelled, Program, RunningProgram, StartFailed, never, raise_if

# Seconds before the first, second, … restart in a row; the last one repeats.
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0)
# A program that ran this many seconds starts again from the first delay.
SETTLED_AFTER = 30.0


@dataclass(slots=True)
class _Watched:
    running: RunningProgram
    ready: bool = False
    restarts: int = 0
    restart_at: float | None = None
    in_a_row: int = 0


@dataclass(slots=True)
class _Group:
    """Programs launched by one call; they are stopped together."""

    members: dict[str, _Watched] = field(default_factory=dict)


class Supervisor:
    """Runs programs until ``stop``.

    Args:
        state_file: where to write down what runs. What an earlier supervisor left behind by that file is ended first.
        backoff: seconds before the first, second, … restart in a row; the last one repeats.
        cancelled: asked while programs start; true ends the start with ``StartCancelled``. It is how a signal stops a
            start: an exception out of a signal handler could come between any two instructions.

    Raises:
        AlreadyRunning: another live supervisor owns the state file.
    """

    def __init__(
        self,
        state_file: Path | None = None,
        *,
        backoff: tuple[float, ...] = BACKOFF,
        cancelled: Cancelled = never,
    ) -> None:
        self._state_file = state_file
        self._backoff = backoff
        self._cancelled = cancelled
        self._groups: list[_Group] = []
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        self.timings: dict[str, float] = {}
        if state_file is not None:
            end_leftovers(state_file)
            self._write_state()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *programs: Program) -> dict[str, float]:
        """Launches the programs side by side and waits for all; returns seconds to ready by name.

        Raises:
            StartFailed: one ended or did not answer. Everything started by this supervisor has been stopped then.
            StartCancelled: likewise.
        """
        self.launch(*programs)
        return self.wait_until_ready()

    def run(self, program: Program) -> float:
        """Runs a program to its end; returns seconds.

        Raises:
            StartFailed: it ended with another status than 0, or not within ``ready_within`` seconds.
            StartCancelled: it was stopped.
        """
        running = RunningProgram(program)
        try:
            while (status := running.exit_status) is None and running.age < program.ready_within:
                raise_if(self._cancelled)
                time.sleep(0.05)
        finally:
            running.stop()
        if status != 0:
            what = f"no end within {program.ready_within:.0f} s" if status is None else f"it ended with status {status}"
            raise StartFailed(program.name, what, program.log)
        self.timings[program.name] = running.age
        return running.age

    def launch(self, *programs: Program) -> None:
        """Starts programs without waiting; they form one group when stopping."""
        group = _Group()
        with self._lock:
            self._groups.append(group)
            for program in programs:
                if any(program.name in other.members for other in self._groups):
                    raise ValueError(f"a program named {program.name} is already running")
                group.members[program.name] = _Watched(RunningProgram(program))
            self._write_state()
            if self._monitor is None:
                self._monitor = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._monitor.start()

    def wait_until_ready(self) -> dict[str, float]:
        """Waits for every program that was launched; see ``start``."""
        waited: dict[str, float] = {}
        try:
            for watched in self._all():
                if not watched.ready:
                    waited[watched.running.program.name] = watched.running.wait_until_ready(self._cancelled)
                    watched.ready = True
        except BaseException:
            self.stop()
            raise
        self.timings |= waited
        return waited

    def stop(self) -> None:
        """Stops all programs, the group launched last first. Safe to call again."""
        self._stopping.set()
        # An interrupted `launch` may have left a monitor that never started, which cannot be joined. One that is just
        # starting is not waited for: it finds that it has nothing to do.
        if self._monitor is not None and self._monitor.is_alive():
            self._monitor.join()
        with self._lock:
            while self._groups:
                members = list(self._groups[-1].members.values())
                for watched in members:
                    watched.running.request_stop()
                for watched in members:
                    watched.running.stop()
                self._groups.pop()
                self._write_state()
            if self._state_file is not None:
                self._state_file.unlink(missing_ok=True)

    def pid(self, name: str) -> int:
        """The process id of a program now."""
        return self._find(name).running.pid

    def restarts(self, name: str) -> int:
        """How often a program was restarted after it had been ready."""
        return self._find(name).restarts

    @property
    def names(self) -> list[str]:
        return [watched.running.program.name for watched in self._all()]

    def _find(self, name: str) -> _Watched:
        with self._lock:
            for group in self._groups:
                if name in group.members:
                    return group.members[name]
        raise KeyError(name)

    def _all(self) -> list[_Watched]:
        with self._lock:
            return [watched for group in self._groups for watched in group.members.values()]

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            with self._lock:
                for group in self._groups:
                    for watched in group.members.values():
                        # Before it was ready, the caller of `wait_until_ready` learns of the end.
                        if watched.ready and watched.running.exit_status is not None:
                            self._restart_when_due(watched)

    def _restart_when_due(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is None:
            if watched.running.age > SETTLED_AFTER:
                watched.in_a_row = 0
            watched.restart_at = now + self._backoff[min(watched.in_a_row, len(self._backoff) - 1)]
        elif now >= watched.restart_at:
            watched.restart_at = None
            watched.in_a_row += 1
            watched.restarts += 1
            watched.running = RunningProgram(watched.running.program)
            self._write_state()

    def _write_state(self) -> None:
        if self._state_file is None:
            return
        write_state(
            self._state_file,
            [
                ProgramRecord(
                    watched.running.program.name,
                    ProcessMark.of(watched.running.guard_pid),
                    ProcessMark.of(watched.running.pid),
                    tuple(str(path) for path in watched.running.program.remove_afterwards),
                )
                for watched in self._all()
            ],
        )
