"""What runs is written down, so that the next start can end what a killed supervisor and killed guards left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bagfill.demo.guard import descendants, remove


class AlreadyRunning(RuntimeError):
    """The supervisor that wrote the state file is alive."""

    def __init__(self, pid: int, state_file: Path) -> None:
        self.pid = pid
        super().__init__(f"a stack is already running (process {pid}, recorded in {state_file})")


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process that cannot be confused with a later one of the same number.

    Args:
        pid: process id; a guarded program also leads a session of that number.
        started: clock ticks after boot, field 22 of /proc/PID/stat; 0 when it was already gone.
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        return cls(pid, _stat(pid)[1])

    @property
    def alive(self) -> bool:
        return self.started != 0 and _stat(self.pid)[1] == self.started


@dataclass(frozen=True, slots=True)
class ProgramRecord:
    name: str
    guard: ProcessMark
    main: ProcessMark
    remove: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "guard": [self.guard.pid, self.guard.started],
            "main": [self.main.pid, self.main.started],
            "remove": list(self.remove),
        }


def write_state(state_file: Path, programs: Iterable[ProgramRecord]) -> None:
    """Replaces the state file atomically; readable by its owner only."""
    own = ProcessMark.of(os.getpid())
    state = {
        "boot": _boot_id(),
        "supervisor": [own.pid, own.started],
        "programs": [program.to_json() for program in programs],
    }
    state_file.parent.mkdir(parents=True, exist_ok=True)
    fresh = state_file.with_name(f"{state_file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(state, opened)
    fresh.replace(state_file)


def running_supervisor(state_file: Path) -> ProcessMark | None:
    """The supervisor named in the state file, if it is alive."""
    state = _read(state_file)
    if state is None:
        return None
    mark = ProcessMark(*state["supervisor"])
    return mark if mark.alive else None


def end_leftovers(state_file: Path) -> list[str]:
    """Ends what the state file names and still runs, and returns the names of those programs.

    Raises:
        AlreadyRunning: the supervisor itself is alive; nothing was touched.
    """
    state = _read(state_file)
    if state is None:
        return []
    supervisor = ProcessMark(*state["supervisor"])
    if supervisor.alive and supervisor.pid != os.getpid():
        raise AlreadyRunning(supervisor.pid, state_file)
    ended = [entry["name"] for entry in state["programs"] if _end(entry)]
    state_file.unlink(missing_ok=True)
    return ended


def _end(entry: dict[str, object]) -> bool:
    guard, main = ProcessMark(*entry["guard"]), ProcessMark(*entry["main"])  # type: ignore[misc]
    found = False
    # A guard whose supervisor is gone is stopping its program already; it only gets the time to finish.
    deadline = time.monotonic() + 30
    while guard.alive and time.monotonic() < deadline:
        found = True
        time.sleep(0.05)
    while left := _survivors(guard, main):
        found = True
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    for path in entry["remove"]:  # type: ignore[attr-defined]
        remove(path)
    return found


def _survivors(guard: ProcessMark, main: ProcessMark) -> list[int]:
    left = [mark.pid for mark in (guard, main) if mark.alive]
    left += [child for pid in left for child in descendants(pid)]
    # The kernel does not give out a number while a session of that number has members. So when nobody, or the program
    # itself, has it, the members are the program's children; when somebody else has it, there are none of ours.
    holder = _stat(main.pid)[1]
    if main.started and holder in {0, main.started}:
        left += [pid for pid in _every_pid() if _stat(pid) > (0, 0) and _stat(pid)[0] == main.pid]
    return sorted(set(left))


def _every_pid() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> tuple[int, int]:
    """(session, start in clock ticks) of a living process, else (0, 0). See proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return (0, 0)
    return (0, 0) if fields[0] == b"Z" else (int(fields[3]), int(fields[19]))


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _read(state_file: Path) -> dict[str, list[dict[str, object]]] | None:
    try:
        state: dict[str, list[dict[str, object]]] = json.loads(state_file.read_text())
    except FileNotFoundError:
        return None
    return state if state["boot"] == _boot_id() else None  # type: ignore[comparison-overlap]
