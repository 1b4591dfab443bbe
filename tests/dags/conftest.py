"""Airflow is imported in a home of its own before the tests here are collected; its database is made when asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_home import airflow_home, migrate

airflow_home()


@pytest.fixture(scope="session")
def airflow_database(pytestconfig: pytest.Config) -> Path:
    """The home of an Airflow with a migrated database."""
    assert pytestconfig.cache is not None
    migrate(Path(pytestconfig.cache.mkdir("bagfill-airflow")))
    return airflow_home()


@pytest.fixture(autouse=True)
def _settings_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAGFILL_CONFIG", raising=False)
