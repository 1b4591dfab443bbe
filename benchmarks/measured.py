"""Runs a program and says what it cost: processor seconds of it and its children, and its peak memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY_SECONDS = 0.02


class ProgramFailed(RuntimeError):
    """A measured program ended with another exit code than 0: its figures say nothing."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        super().__init__(f"{Path(command[0]).name} {' '.join(command[1:3])} … ended with {code}:\n{output[-4000:]}")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one program used.

    Args:
        cpu: processor seconds, user and system, of the program and the children it waited for.
        wall: seconds from start to end.
        peak_bytes: most memory resident at once, of the program itself.
        output: standard output.
        requests: to the servers, where they are counted.
    """

    cpu: float
    wall: float
    peak_bytes: int
    output: str
    requests: int = 0


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run to the end.

    Args:
        command: program and arguments.
        environment: the whole environment.

    Raises:
        ProgramFailed: with the end of what it printed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.monotonic()
        program = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        watch = _PeakMemory(program.pid)
        _, status, usage = os.wait4(program.pid, 0)
        wall = time.monotonic() - begun
        # `wait4` took the exit status, so the object cannot fetch it any more.
        program.returncode = os.waitstatus_to_exitcode(status)
        peak = watch.end()
        output.seek(0)
        errors.seek(0)
        said = output.read().decode(errors="replace")
        if program.returncode:
            raise ProgramFailed(command, program.returncode, said + errors.read().decode(errors="replace"))
    return Usage(usage.ru_utime + usage.ru_stime, wall, peak, said)


class _PeakMemory:
    """Follows the high-water mark of a process.

    Not ``ru_maxrss``: on Linux that starts with the memory of the parent which forked the program.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._peak = 0
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """The mark, in bytes, as last seen."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _follow(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_SECONDS):
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            # The mark starts afresh when the program replaces the fork of its parent, so the last one counts.
            self._peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), self._peak)
