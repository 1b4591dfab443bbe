"""Runs one program and leaves nothing of it behind: ``python -I -S guard.py [options] -- command…``.

The supervisor starts each program through a guard of its own. The guard holds the read end of a pipe from the
supervisor; when the supervisor goes away, even by SIGKILL, the pipe closes and the guard stops the program. As a
"child subreaper" (prctl(2)) it inherits every descendant the program orphans, so that it can end those as well. If the
guard itself is killed, the kernel kills the program (PR_SET_PDEATHSIG).

Written to standard output: the process id of the program, one line. Exit status: the program's, or 128 + the signal.
Standard library only, started without site-packages: it must be small and start in milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# What outlives its program gets this long to end by itself before it is killed.
STRAGGLERS_GRACE = 2.0


def prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def descendants(root: int) -> list[int]:
    """The living processes below ``root``, from /proc; zombies are left out, they only wait to be collected."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the time a guard takes to start
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:  # noqa: PTH123
                # The command stands in parentheses and may hold anything, so count from its end (proc(5)).
                state, parent = stat.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def signal_process(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def remove(path: str) -> None:
    """Deletes a file or a folder with what is in it; what is not there is fine."""
    try:
        os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        import shutil

        shutil.rmtree(path, ignore_errors=True)


class Guard:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.program = 0
        self.status: int | None = None
        self.stop_wanted = False
        self.kill_at: float | None = None
        self.wake_read, self.wake_write = os.pipe()

    def run(self) -> int:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        os.set_blocking(self.wake_write, False)
        os.set_blocking(self.wake_read, False)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.want_stop)
        self.start()
        self.watch()
        self.end_stragglers()
        return self.status if self.status is not None else 1

    def want_stop(self, *_: object) -> None:
        self.stop_wanted = True

    def start(self) -> None:
        log = os.open(self.options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        guard = os.getpid()
        self.program = os.fork()
        if self.program:
            os.close(log)
            os.close(nothing)
            os.write(1, f"{self.program}\n".encode())
            os.close(1)
            return
        try:
            os.setsid()
            os.dup2(nothing, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            if self.options.user is not None:
                os.setgroups([])
                os.setgid(self.options.group)
                os.setuid(self.options.user)
            # After the change of user: that change would clear it.
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:
                os._exit(1)
            os.closerange(3, 256)
            os.execvp(self.options.command[0], self.options.command)
        except OSError as problem:
            os.write(2, f"guard: cannot start {self.options.command[0]}: {problem}\n".encode())
        finally:
            os._exit(127)

    def watch(self) -> None:
        """Waits for the program to end, and makes it end when that is wanted."""
        watched = [self.wake_read, 0]
        while True:
            self.collect()
            if self.status is not None:
                return
            readable, _, _ = select.select(watched, [], [], 1.0)
            if self.wake_read in readable:
                os.read(self.wake_read, 1024)
            if 0 in readable and not os.read(0, 1024):
                watched.remove(0)
                self.stop_wanted = True
            # The pipe says it first, unless a child of the supervisor still holds its other end.
            if os.getppid() != self.options.supervisor:
                self.stop_wanted = True
            self.stop_if_wanted()

    def stop_if_wanted(self) -> None:
        if not self.stop_wanted:
            return
        now = time.monotonic()
        if self.kill_at is None:
            self.kill_at = now + self.options.stop_within
            signal_process(self.program, self.options.stop_signal)
        elif now >= self.kill_at:
            signal_process(self.program, signal.SIGKILL)

    def collect(self) -> bool:
        """Collects ended children; false when there are none left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.program:
                self.status = os.waitstatus_to_exitcode(status)
                if self.status < 0:
                    self.status = 128 - self.status

    def end_stragglers(self) -> None:
        deadline = time.monotonic() + STRAGGLERS_GRACE
        number = signal.SIGTERM
        told: set[int] = set()
        while self.collect():
            left = descendants(os.getpid())
            for pid in left:
                if number == signal.SIGKILL or pid not in told:
                    told.add(pid)
                    signal_process(pid, number)
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--supervisor", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--stop-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--stop-within", type=float, default=10.0)
    parser.add_argument("--user", type=int)
    parser.add_argument("--group", type=int)
    parser.add_argument("--remove", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    guard = Guard(options)
    status = guard.run()
    # After a crash these stay: the supervisor starts the program again with them.
    if guard.stop_wanted:
        for path in options.remove:
            remove(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
