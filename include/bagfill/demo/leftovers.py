"""What runs is written down, so that the next start can end what a killed supervisor and killed guards left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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
    """A program, its guard, and the files and folders to delete after it."""

    name: str
    guard: ProcessMark
    main: ProcessMark
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _State:
    supervisor: ProcessMark
    programs: list[ProgramRecord]


def write_state(state_file: Path, programs: Iterable[ProgramRecord]) -> None:
    """Replaces the state file atomically; readable by its owner only."""
    state = {"boot": _boot_id(), **asdict(_State(ProcessMark.of(os.getpid()), list(programs)))}
    state_file.parent.mkdir(parents=True, exist_ok=True)
    write_private(state_file, json.dumps(state))


def running_supervisor(state_file: Path) -> ProcessMark | None:
    """The supervisor named in the state file, if it is alive."""
    state = _read(state_file)
    if state is None:
        return None
    return state.supervisor if state.supervisor.alive else None


def end_leftovers(state_file: Path) -> list[str]:
    """Ends what the state file names and still runs, and returns the names of those programs.

    Raises:
        AlreadyRunning: the supervisor itself is alive; nothing was touched.
    """
    state = _read(state_file)
    if state is None:
        return []
    if state.supervisor.alive and state.supervisor.pid != os.getpid():
        raise AlreadyRunning(state.supervisor.pid, state_file)
    ended = [program.name for program in state.programs if _end(program)]
    state_file.unlink(missing_ok=True)
    return ended


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically; readable by its owner only."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    fresh.replace(path)


def _end(program: ProgramRecord) -> bool:
    guard, main = program.guard, program.main
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
    for path in program.remove:
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


def _read(state_file: Path) -> _State | None:
    """The state, or ``None`` when there is none, or when the machine was started again since."""
    try:
        state = json.loads(state_file.read_text())
    except FileNotFoundError:
        return None
    if state["boot"] != _boot_id():
        return None
    programs = [
        ProgramRecord(
            program["name"],
            ProcessMark(**program["guard"]),
            ProcessMark(**program["main"]),
            tuple(program["remove"]),
        )
        for program in state["programs"]
    ]
    return _State(ProcessMark(**state["supervisor"]), programs)
