"""Processor time of running programs with everything that they started, also what has ended since."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_of_trees(roots: Iterable[int]) -> float:
    """Seconds, user and system, of these processes and all below them.

    A process that has ended counts with the parent that waited for it, so nothing is lost while the roots live.
    """
    times, children = _processes()
    todo, total = list(roots), 0.0
    while todo:
        pid = todo.pop()
        total += times.get(pid, 0.0)
        todo += children[pid]
    return total


def idle_rate(roots: Iterable[int], seconds: float) -> float:
    """Processor seconds a second that these programs take when nothing is asked of them."""
    pids = list(roots)
    before, begun = cpu_of_trees(pids), time.monotonic()
    time.sleep(seconds)
    return (cpu_of_trees(pids) - before) / (time.monotonic() - begun)


def _processes() -> tuple[dict[int, float], dict[int, list[int]]]:
    times: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name of the program may contain anything but ends with the last bracket (proc_pid_stat(5)).
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            times[int(folder.name)] = sum(map(int, fields[11:15])) / _TICK
            children[int(fields[1])].append(int(folder.name))
    return times, children
