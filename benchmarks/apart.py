"""What one thing done to a bag of very many files costs, in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What one thing cost.

    Args:
        what: was done, or to what.
        files: in the payload.
        seconds: from the first line to the last, without the start of the process.
        cpu: processor seconds of the whole process.
        peak: most memory of the process, in bytes.
    """

    what: str
    files: int
    seconds: float
    cpu: float
    peak: int

    def __str__(self) -> str:
        """A line."""
        each = self.cpu / self.files * 1e6
        return (
            f"{self.files:>9,}  {self.what:<11} {self.seconds:8.1f} s  {self.cpu:8.1f} CPU s  {each:6.0f} µs a file"
            f"  {self.peak / 1e6:6.0f} MB"
        )


def cost_of(what: str, files: int, command: Sequence[str]) -> Cost:
    """Run a program that ends with :func:`print_own_cost`. Raises CalledProcessError."""
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(what, files, **json.loads(run.stdout.splitlines()[-1]))


def print_own_cost(seconds: float) -> None:
    """What this process has cost, for whoever started it. Not ``ru_maxrss``: that starts with the parent's memory."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak}))


def for_each_number(measure: Callable[[int, Callable[[object], None]], object]) -> None:
    """Measure with the numbers of files of the command line, else with 100,000 and 1,000,000; show each line."""
    for number in [int(each.replace(",", "")) for each in sys.argv[1:]] or [100_000, 1_000_000]:
        measure(number, lambda line: print(line, flush=True))
