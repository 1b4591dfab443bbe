"""Services inside the API server: shared, renewed when the settings change, and quick to say what is not to be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bagfill.database.errors import DatabaseError
from bagfill.settings import Settings
from bagfill.steps.services import Services
from bagfill_airflow.api import services as subject
from bagfill_airflow.api.services import ServerServices
from pages_place import SETTINGS
from world import World


class Opener:
    """Opens services, or fails as a database does that is away; counts both."""

    def __init__(self) -> None:
        self.away = False
        self.opened, self.closed = 0, 0

    @contextmanager
    def __call__(self, _settings: Settings) -> Iterator[Services]:
        self.opened += 1
        if self.away:
            raise DatabaseError("connection refused", retryable=True)
        yield World().services()
        self.closed += 1


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "bagfill.toml"
    file.write_text(SETTINGS)
    monkeypatch.setenv("BAGFILL_CONFIG", str(file))
    return file


def test_requests_share_services_until_the_settings_change(settings: Path) -> None:
    opener = Opener()
    shared = ServerServices(opener)
    with shared.borrowed() as one, shared.borrowed() as other:
        assert one is other
        settings.write_text(SETTINGS.replace("glacier", "deep"))
        os.utime(settings, ns=(1, 1))
        with shared.borrowed() as newer:
            assert newer is not one
        assert (opener.opened, opener.closed) == (2, 0), "somebody still uses the old ones"
    assert opener.closed == 1


def test_a_database_that_is_away_is_not_waited_for_by_every_request(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings
    opener, now = Opener(), 1000.0
    monkeypatch.setattr(subject.time, "monotonic", lambda: now)
    opener.away = True
    shared = ServerServices(opener)
    for _ in range(20):
        with pytest.raises(DatabaseError), shared.borrowed():
            pass
    assert opener.opened == 1
    opener.away, now = False, now + 6
    with shared.borrowed():
        assert opener.opened == 2
