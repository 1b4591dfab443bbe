"""One whole system for the tests of this folder: it takes half a minute to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from airflow_home import airflow_home
from system_place import whole_system
from whole_system import System

# Our plugin imports Airflow, which is to find a home of its own then.
airflow_home()

_running = ExitStack()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with _running:
        yield _running.enter_context(whole_system(tmp_path_factory.mktemp("e2e")))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop it with the last test that uses it, not at the end of all: it is never idle."""
    if not _uses_it(nextitem):
        _running.close()


def _uses_it(item: pytest.Item | None) -> bool:
    return "system" in getattr(item, "fixturenames", ())
