"""The embedded stack kept running in the background: ``python -m bagfill.demo up``, ``down``."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bagfill.demo.leftovers import end_leftovers, running_supervisor, write_private
from bagfill.demo.programs import StartCancelled, StartFailed, tail
from bagfill.demo.server import project_folder
from bagfill.demo.stack import DagsNotLoaded, EmbeddedStack
from bagfill.demo.stop_signals import StopSignals
from bagfill.demo.surroundings import project_environment

STOP_WITHIN = 120.0
START_WITHIN = 300.0


class NotStarted(RuntimeError):
    """The stack did not come up; the message shows the end of its log."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that runs in another process.

    Args:
        address: Airflow's UI and API.
        user, password: its login.
        environment: variables for a Bagfill process that works with this stack.
        timings: seconds each part took to start.
    """

    address: str
    user: str
    password: str = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    timings: dict[str, float]


def default_work_dir() -> Path:
    return project_folder() / ".bagfill" / "stack"


def running_stack(work_dir: Path) -> RunningStack | None:
    """The stack that runs in ``work_dir`` and is ready, if there is one."""
    if running_supervisor(work_dir / "state.json") is None:
        return None
    try:
        return RunningStack(**json.loads((work_dir / "stack.json").read_text()))
    except FileNotFoundError:
        return None


def start_in_background(work_dir: Path) -> RunningStack:
    """Starts the stack, unless it runs already, and returns when it is ready.

    Raises:
        NotStarted: with the end of the log.
    """
    if (running := running_stack(work_dir)) is not None:
        return running
    log = work_dir.with_name(f"{work_dir.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "bagfill.demo", "serve", str(work_dir)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_WITHIN
    try:
        while (ready := running_stack(work_dir)) is None:
            if server.poll() is not None:
                raise NotStarted(f"the stack did not start; its log is {log}:\n{tail(log, 60)}")
            if time.monotonic() > deadline:
                raise NotStarted(f"the stack was not ready within {START_WITHIN:.0f} s; its log is {log}:\n{tail(log)}")
            time.sleep(0.2)
    except BaseException:
        server.terminate()
        server.wait()
        raise
    return ready


def stop_in_background(work_dir: Path) -> bool:
    """Stops the stack of ``work_dir`` and what an interrupted one left; false when nothing ran."""
    state_file = work_dir / "state.json"
    supervisor = running_supervisor(state_file)
    if supervisor is not None:
        os.kill(supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        while supervisor.alive:
            if time.monotonic() > deadline:
                os.kill(supervisor.pid, signal.SIGKILL)
            time.sleep(0.1)
    left = end_leftovers(state_file)
    return supervisor is not None or bool(left)


def serve(work_dir: Path) -> int:
    """Runs the stack in this process until SIGTERM or SIGINT; exit status 0, or 1 when it did not start."""
    stop_asked = StopSignals()
    given: dict[str, str] = {}

    def environment(stack: EmbeddedStack) -> dict[str, str]:
        given.update(project_environment(stack))
        return given

    stack = EmbeddedStack(work_dir, with_airflow=True, environment=environment, cancelled=stop_asked)
    try:
        timings = stack.start()
    except StartCancelled:
        return 0
    except (StartFailed, DagsNotLoaded) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    airflow = stack.airflow
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in given.items())
    write_private(work_dir / "environment.sh", exports)
    ready = RunningStack(airflow.address, airflow.user, airflow.password, given, timings)
    write_private(work_dir / "stack.json", json.dumps(asdict(ready)))
    stop_asked.wait()
    stack.stop()
    return 0
