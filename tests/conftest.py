"""Servers for tests: one of each per test process, started when first asked for, stopped at the end.

Tests share them, so each test makes its own bucket, container or database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.guard import descendants
from bagfill.demo.ministack import MiniStack
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.seaweedfs import SeaweedFS

# No deadlines: two busy cores say nothing about an example. In CI the same examples every time, elsewhere new ones.
hypothesis.settings.register_profile(
    "bagfill",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("bagfill")

# Seconds from RestoreObject to readable in the shared MiniStack: long enough to be seen waiting, short enough to wait.
RESTORE_DELAY = 1.0


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fails the last test of a process when a program started by any test is still running."""
    yield
    own = os.getsid(0)
    left = [pid for pid in descendants(os.getpid()) if _session(pid) not in {None, own}]
    assert not left, f"still running after all tests: {[_command(pid) for pid in left]}"


@pytest.fixture(scope="session")
def servers_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def ministack(servers_dir: Path) -> Iterator[MiniStack]:
    with MiniStack(servers_dir, restore_delay=RESTORE_DELAY) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs(servers_dir: Path) -> Iterator[SeaweedFS]:
    with SeaweedFS(servers_dir) as server:
        yield server


@pytest.fixture(scope="session")
def azurite(servers_dir: Path) -> Iterator[Azurite]:
    with Azurite(servers_dir) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql(servers_dir: Path) -> Iterator[PostgreSQL]:
    with PostgreSQL(servers_dir) as server:
        yield server


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"process {pid}"
