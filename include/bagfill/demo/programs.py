"""A program to run, and the same program running under its guard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bagfill.demo import guard
from bagfill.demo.readiness import Probe

# The guard needs this long beyond the program's own grace: stragglers, removal of folders, a busy machine.
GUARD_GRACE = 15.0
TAIL_LINES = 25


class StartFailed(RuntimeError):
    """A program ended or stayed silent before it was ready; ``log`` says why."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.name, self.log = name, log
        super().__init__(f"{name} did not start: {what}. Its log is {log}; the last lines are:\n{tail(log)}")


class StartCancelled(RuntimeError):
    """Whoever started the programs no longer wants them."""


Cancelled = Callable[[], bool]


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Program:
    """What to start and how to know it.

    Args:
        name: unique in one supervisor.
        command: program and arguments; never secrets, everyone on the machine can read them.
        log: file that gets standard output and standard error, appended.
        environment: the whole environment; may hold secrets and is therefore not in the repr.
        ready: asked until it says yes.
        ready_within, stop_within: seconds.
        stop_signal: sent to the program alone, not to its children.
        user: (uid, gid) to run as, when we are root.
        remove_afterwards: files and folders that are deleted when the program has ended, however it ended.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Probe
    environment: Mapping[str, str] = field(repr=False)
    folder: Path = Path("/")
    ready_within: float = 60.0
    stop_within: float = 10.0
    stop_signal: signal.Signals = signal.SIGTERM
    user: tuple[int, int] | None = None
    remove_afterwards: tuple[Path, ...] = ()


def plain_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment with what a program needs to run and none of this process's credentials, proxies or settings."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"}}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, "HOME": str(home), **more}


class RunningProgram:
    """One start of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.started = time.monotonic()
        program.log.parent.mkdir(parents=True, exist_ok=True)
        options = ["--supervisor", str(os.getpid()), "--log", str(program.log)]
        options += ["--stop-signal", str(int(program.stop_signal)), "--stop-within", str(program.stop_within)]
        if program.user is not None:
            options += ["--user", str(program.user[0]), "--group", str(program.user[1])]
        for path in program.remove_afterwards:
            options += ["--remove", str(path)]
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__)), *options, "--", *program.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=program.folder,
            env=dict(program.environment),
            # Ctrl-C in a terminal reaches the supervisor only, which then stops everything in order.
            start_new_session=True,
        )
        assert self._guard.stdout is not None  # noqa: S101 - asked for above
        try:
            line = self._guard.stdout.readline()
        except BaseException:
            # Interrupted, by Ctrl-C say: nobody else knows of this guard yet.
            self.stop()
            raise
        self._guard.stdout.close()
        self.pid = int(line) if line.strip().isdigit() else 0

    @property
    def guard_pid(self) -> int:
        return self._guard.pid

    @property
    def exit_status(self) -> int | None:
        """``None`` while it runs; 128 + n after signal n."""
        return self._guard.poll()

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def request_stop(self) -> None:
        """Begins to stop; returns at once."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()

    def stop(self) -> int:
        """Stops the program and everything it started; returns the exit status."""
        self.request_stop()
        try:
            status = self._guard.wait(self.program.stop_within + GUARD_GRACE)
        except subprocess.TimeoutExpired:
            # Killing the guard kills the program too (PR_SET_PDEATHSIG); what it started may survive and is swept up
            # by the next start.
            self._guard.kill()
            status = self._guard.wait()
        # The guard does this when it stops a program, but a program that had crashed has no guard any more.
        for path in self.program.remove_afterwards:
            guard.remove(str(path))
        return status

    def wait_until_ready(self, cancelled: Cancelled = never) -> float:
        """Seconds from start to ready.

        Args:
            cancelled: asked again and again; true ends the waiting.

        Raises:
            StartFailed: it ended, or ``ready_within`` passed.
            StartCancelled: as ``cancelled`` said.
        """
        while not self.program.ready():
            raise_if(cancelled)
            status = self.exit_status
            if status is not None:
                raise StartFailed(
                    self.program.name, f"it ended with status {status} after {self.age:.1f} s", self.program.log
                )
            if self.age > self.program.ready_within:
                raise StartFailed(
                    self.program.name, f"no answer within {self.program.ready_within:.0f} s", self.program.log
                )
            time.sleep(0.05)
        return self.age


def raise_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise StartCancelled


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; reads at most 16 KiB."""
    try:
        with log.open("rb") as opened:
            opened.seek(0, os.SEEK_END)
            opened.seek(max(0, opened.tell() - 16_384))
            text = opened.read().decode("utf-8", "replace")
    except OSError as problem:
        return f"  (cannot be read: {problem.strerror})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"
