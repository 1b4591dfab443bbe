"""The supervisor on small programs: order, restarts, and that nothing is left behind whoever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bagfill.demo.leftovers import AlreadyRunning, ProcessMark, end_leftovers
from bagfill.demo.programs import Program, StartCancelled, StartFailed, plain_environment
from bagfill.demo.supervisor import Supervisor

QUICK = (0.05,)
# Writes the ids of itself and of a child that has left its group, its session and its parent behind.
DAEMON = """
    import os, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
            time.sleep(600)
        os._exit(0)
    os.wait()
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
    time.sleep(600)
"""
# Writes the id of a child that stays in its session.
PARENT = """
    import os, sys, time
    if os.fork() == 0:
        open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
    time.sleep(600)
"""


def python(name: str, code: str, folder: Path, *arguments: str, **more: object) -> Program:
    log = folder / f"{name}.log"
    settings: dict[str, object] = {"ready": log.exists, "ready_within": 120, "stop_within": 3, **more}
    return Program(
        name=name,
        command=(sys.executable, "-c", textwrap.dedent(code), *arguments),
        log=log,
        environment=plain_environment(folder),
        **settings,  # type: ignore[arg-type]
    )


def wait_for(condition: Callable[[], bool], within: float = 120) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def alive(pid: int | str) -> bool:
    return ProcessMark.of(int(pid)).started != 0


def test_programs_stop_in_reverse_order_of_their_groups(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = """
        import signal, sys, time
        def end(*_):
            open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(600)
    """
    with Supervisor() as supervisor:
        for name in ("first", "second", "third"):
            log = tmp_path / f"{name}.log"
            supervisor.start(python(name, code, tmp_path, str(order), name, ready=lambda log=log: "up" in lines(log)))
    assert lines(order) == ["third", "second", "first"]


def test_a_program_that_crashes_is_started_again(tmp_path: Path) -> None:
    with Supervisor(backoff=QUICK) as supervisor:
        supervisor.start(python("crashing", "import time; time.sleep(600)", tmp_path))
        first = supervisor.pid("crashing")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: supervisor.restarts("crashing") == 1)
        second = supervisor.pid("crashing")
        assert second != first
        assert alive(second)
    assert not alive(second)


def test_restarts_in_a_row_come_slower(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n'); time.sleep(0.3)"
    with Supervisor(backoff=(0.1, 0.8)) as supervisor:
        supervisor.start(python("ending", code, tmp_path, str(starts), ready=lambda: bool(lines(starts))))
        wait_for(lambda: len(lines(starts)) >= 4)
    begun = [float(line) for line in lines(starts)]
    assert begun[3] - begun[2] >= 0.3 + 0.8


def test_stop_leaves_no_daemon_and_no_folder(tmp_path: Path) -> None:
    pids, scratch = tmp_path / "pids", tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "file").touch()
    program = python(
        "daemon", DAEMON, tmp_path, str(pids), ready=lambda: len(lines(pids)) == 2, remove_afterwards=(scratch,)
    )
    with Supervisor() as supervisor:
        supervisor.start(program)
        assert all(alive(pid) for pid in lines(pids))
    assert not any(alive(pid) for pid in lines(pids))
    assert not scratch.exists()


def test_a_program_deaf_to_term_is_killed_after_its_grace(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    log = tmp_path / "deaf.log"
    with Supervisor() as supervisor:
        supervisor.start(python("deaf", code, tmp_path, stop_within=0.5, ready=lambda: "up" in lines(log)))
        pid = supervisor.pid("deaf")
    assert not alive(pid)


def test_a_program_that_ends_before_it_is_ready_shows_its_log(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    supervisor = Supervisor()
    supervisor.start(python("sound", DAEMON, tmp_path, str(pids), ready=lambda: len(lines(pids)) == 2))
    broken = python("broken", "print('no such luck'); raise SystemExit(3)", tmp_path, ready=lambda: False)
    with pytest.raises(StartFailed) as failed:
        supervisor.start(broken)
    assert "status 3" in str(failed.value)
    assert "no such luck" in str(failed.value)
    assert str(broken.log) in str(failed.value)
    assert not any(alive(pid) for pid in lines(pids)), "what had been started before was left running"


def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    silent = python("silent", "import time; time.sleep(600)", tmp_path, ready=lambda: False, ready_within=0.3)
    with Supervisor() as supervisor, pytest.raises(StartFailed, match="no answer within 0 s"):
        supervisor.start(silent)


def test_a_command_that_does_not_exist_says_so(tmp_path: Path) -> None:
    missing = Program(
        name="missing",
        command=("/nowhere/program",),
        log=tmp_path / "missing.log",
        environment=plain_environment(tmp_path),
        ready=lambda: False,
    )
    with Supervisor() as supervisor, pytest.raises(StartFailed, match="cannot start /nowhere/program"):
        supervisor.start(missing)


def test_run_waits_for_the_end_and_reports_a_failure(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with Supervisor() as supervisor:
        supervisor.run(python("once", "import sys; open(sys.argv[1], 'w')", tmp_path, str(done)))
        assert done.exists()
        with pytest.raises(StartFailed, match="status 7"):
            supervisor.run(python("bad", "raise SystemExit(7)", tmp_path))


def test_a_start_that_is_no_longer_wanted_ends_and_leaves_nothing(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    supervisor = Supervisor(cancelled=lambda: len(lines(pids)) == 2)
    with pytest.raises(StartCancelled):
        supervisor.start(python("daemon", DAEMON, tmp_path, str(pids), ready=lambda: False))
    assert not any(alive(pid) for pid in lines(pids))


def test_a_program_run_to_its_end_is_stopped_when_it_is_no_longer_wanted(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Supervisor(cancelled=lambda: len(lines(pids)) == 2) as supervisor, pytest.raises(StartCancelled):
        supervisor.run(python("daemon", DAEMON, tmp_path, str(pids)))
    assert not any(alive(pid) for pid in lines(pids))


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_interrupted_before_its_monitor_runs_it_stops_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"

    def interrupted(_: object) -> None:
        wait_for(lambda: len(lines(pids)) == 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), Supervisor(tmp_path / "state.json") as supervisor:
        supervisor.launch(python("daemon", DAEMON, tmp_path, str(pids)))
    assert not any(alive(pid) for pid in lines(pids))
    assert not (tmp_path / "state.json").exists()


def test_interrupted_while_a_guard_starts_it_ends_that_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Interrupted] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            assert self.stdout is not None
            self.program = int(self.stdout.readline())
            monkeypatch.setattr(self, "stdout", Silent())
            started.append(self)

    class Silent:
        readline = interrupt

    monkeypatch.setattr("bagfill.demo.programs.subprocess.Popen", Interrupted)
    with Supervisor() as supervisor, pytest.raises(KeyboardInterrupt):
        supervisor.launch(python("sleeper", "import time; time.sleep(600)", tmp_path))
    (guard,) = started
    assert guard.returncode is not None
    assert not alive(guard.program)


def test_secrets_of_the_environment_are_not_in_the_repr(tmp_path: Path) -> None:
    program = Program(
        name="quiet",
        command=("true",),
        log=tmp_path / "log",
        environment={"PASSWORD": "hunter2"},
        ready=lambda: True,
    )
    assert "hunter2" not in repr(program)


@pytest.fixture
def other_supervisor(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A supervisor in a process of its own, with a program that makes a daemon and one with a child."""
    code = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_supervisor import DAEMON, PARENT, Supervisor, lines, python
        folder = Path(sys.argv[1])
        pids, child = folder / "pids", folder / "child"
        supervisor = Supervisor(folder / "state.json")
        supervisor.start(python("daemon", DAEMON, folder, str(pids), ready=lambda: len(lines(pids)) == 2))
        supervisor.start(python("parent", PARENT, folder, str(child), ready=lambda: bool(lines(child))))
        (folder / "ready").touch()
        time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)])
    wait_for((tmp_path / "ready").exists)
    return process


def test_kill_of_the_supervisor_takes_its_programs_along(
    other_supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = lines(tmp_path / "pids")
    assert all(alive(pid) for pid in started)
    other_supervisor.kill()
    other_supervisor.wait()
    wait_for(lambda: not any(alive(pid) for pid in started))


def test_the_next_start_ends_what_killed_guards_left(other_supervisor: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Supervisor, guard and program are killed at one moment; a child in the program's session survives that."""
    state_file = tmp_path / "state.json"
    program = json.loads(state_file.read_text())["programs"][1]
    child = lines(tmp_path / "child")[0]
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        other_supervisor.send_signal(signal.SIGSTOP)
        os.kill(program["guard"]["pid"], signal.SIGKILL)
        wait_for(lambda: not alive(program["main"]["pid"]))
        other_supervisor.kill()
        other_supervisor.wait()
        assert alive(child)
        Supervisor(state_file).stop()
        assert not alive(child)
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()
    assert not state_file.exists()
    assert not any(alive(pid) for pid in lines(tmp_path / "pids"))


def test_two_supervisors_do_not_share_a_state_file(other_supervisor: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning, match=str(other_supervisor.pid)):
        Supervisor(tmp_path / "state.json")
    assert all(alive(pid) for pid in lines(tmp_path / "pids"))
    other_supervisor.kill()
    other_supervisor.wait()
    wait_for(lambda: not any(alive(pid) for pid in lines(tmp_path / "pids")))


def test_a_state_file_of_another_boot_is_ignored(tmp_path: Path) -> None:
    state_file = tmp_path / "state.json"
    own = {"pid": os.getpid(), "started": ProcessMark.of(os.getpid()).started}
    stale = {
        "boot": "another",
        "supervisor": {"pid": 1, "started": 1},
        "programs": [{"name": "x", "guard": own, "main": own, "remove": []}],
    }
    state_file.write_text(json.dumps(stale))
    assert end_leftovers(state_file) == []
