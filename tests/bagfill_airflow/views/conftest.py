from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import http_api
from airflow_home import migrate
from http_api import Api


@pytest.fixture(scope="session")
def tokens(pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    # Airflow looks in its database whether a token was revoked.
    assert pytestconfig.cache is not None
    migrate(Path(pytestconfig.cache.mkdir("bagfill-airflow")))
    yield from http_api.tokens()


@pytest.fixture
def api(tokens: dict[str, str]) -> Api:
    return http_api.make_api(tokens)
