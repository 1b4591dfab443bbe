"""Servers for tests: one of each per test process, started when first asked for, stopped at the end.

Tests share them, so each test makes its own bucket, container or database.

With several processes (``pytest -n``) a file's tests stay together, and what takes long goes first, so that no process
sits alone with it in the end.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import hypothesis
import pytest
import typer.testing

from bagfill.demo.azurite import Azurite
from bagfill.demo.guard import descendants
from bagfill.demo.ministack import MiniStack
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.logs import StandardWriter, write_lines_with

# No deadlines: two busy cores say nothing about an example. In CI the same examples every time, elsewhere new ones.
# With BAGFILL_DEEP (`make test-deep`) many more of them.
hypothesis.settings.register_profile(
    "bagfill",
    max_examples=1000 if "BAGFILL_DEEP" in os.environ else 100,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("bagfill")

# The descriptions of AWS's services are read once in a process, not by every session: a fifth of a second each time.
botocore.loaders.create_loader = functools.cache(botocore.loaders.create_loader)
# So is the tree of our commands.
typer.testing._get_command = functools.cache(typer.testing._get_command)
# Nothing of a test has to outlive a power cut; of a process that is killed, the kernel has what was written.
os.fsync = lambda _: None  # type: ignore[assignment]

# Seconds from RestoreObject to readable in the shared MiniStack: long enough to be seen waiting, short enough to wait.
RESTORE_DELAY = 1.0


# Files whose tests share the whole system: it is started once for all of them.
_WHOLE_SYSTEM = (
    "tests/e2e/test_backfill_end_to_end.py",
    "tests/e2e/test_embedded_stack.py",
    "tests/e2e/test_triggerer_killed.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return _WHOLE_SYSTEM[0] if file in _WHOLE_SYSTEM else file

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = [*_WHOLE_SYSTEM, "tests/e2e/", "tests/servers/", "tests/bagfill/steps/test_invariants_each_call"]
    items.sort(key=lambda item: next((place for place, name in enumerate(order) if item.nodeid.startswith(name)), 99))


@pytest.fixture(autouse=True)
def lines_go_where_they_go_at_first() -> None:
    """What a test does in Airflow's place sends the log's lines of the process into Airflow's logs."""
    write_lines_with(StandardWriter())


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
