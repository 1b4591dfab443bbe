"""The whole embedded stack: what is left of it when it is stopped too early. As it runs: tests/e2e."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bagfill.demo.background import running_stack, stop_in_background
from bagfill.demo.leftovers import ProcessMark


@pytest.mark.servers
def test_terminated_while_starting_leaves_nothing(tmp_path: Path) -> None:
    work_dir = tmp_path / "stack"
    state_file = work_dir / "state.json"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "bagfill.demo", "serve", str(work_dir)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    marks: list[ProcessMark] = []
    deadline = time.monotonic() + 180
    while len(marks) < 6:
        assert server.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
        if state_file.exists():
            programs = json.loads(state_file.read_text())["programs"]
            marks = [ProcessMark(**program[part]) for program in programs for part in ("guard", "main")]
    assert running_stack(work_dir) is None, "it says it is ready while it starts"
    server.send_signal(signal.SIGTERM)
    assert server.wait(180) == 0, (tmp_path / "log").read_text()
    assert not any(mark.alive for mark in marks)
    assert not stop_in_background(work_dir)
