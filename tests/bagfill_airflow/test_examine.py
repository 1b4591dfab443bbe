"""The doctor as a task: Airflow's connections, the worker's own surroundings, and a verdict that the run shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException

from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.settings import load_settings
from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.operators import examine as operator_module
from bagfill_airflow.operators.examine import ExamineOperator
from doctor_place import Place, aws, s3_place

SETTINGS = """
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "place"
provider = "amazon-s3"
bucket = "{bucket}"
read_connection = "reader"
write_connection = "writer"
probe_prefix = "bagfill-probe/"
[[policies]]
locations = ["place"]
"""
pytestmark = pytest.mark.servers


@pytest.fixture
def connections() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def place(
    seaweedfs: SeaweedFS,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connections: dict[str, dict[str, Any]],
) -> Place:
    place = s3_place(seaweedfs)
    settings = tmp_path / "bagfill.toml"
    settings.write_text(SETTINGS.format(bucket=place.location.bucket))
    monkeypatch.setattr(operator_module, "current_settings", lambda: load_settings(settings, {}))

    def look_up(name: str) -> Connection:
        if name not in connections:
            raise CredentialsError(f"there is no Airflow connection {name!r}")
        return Connection.from_json(json.dumps(connections[name]), conn_id=name)

    monkeypatch.setattr(operator_module, "task_connection", look_up)
    connections["reader"] = aws(seaweedfs.endpoint, seaweedfs.reader_access_key, seaweedfs.reader_secret_key)
    return place


def run(work: str, location: str | None = None) -> dict[str, int]:
    return ExamineOperator(task_id="examine", work=work, location=location).execute({})


def test_a_worker_that_verifies_is_asked_for_reading_alone(place: Place) -> None:
    counts = run("verify")
    assert counts["mend"] == 0
    assert counts["good"] > 5


def test_a_worker_that_copies_must_have_the_connection_that_writes(place: Place, connections: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException, match="there is no Airflow connection 'writer'"):
        run("copy", "place")
    connections["writer"] = connections["reader"]
    with pytest.raises(AirflowFailException, match="may-not-create"):
        run("copy", "place")


def test_a_worker_of_control_looks_at_the_database_too(place: Place, connections: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException) as failed:
        run("control")
    # What is fine is in the log; what is not, also in the task's end.
    assert "identity-refused" in str(failed.value)
    assert "database" not in str(failed.value)


def test_an_unknown_location_is_refused_in_words(place: Place) -> None:
    with pytest.raises(AirflowFailException, match="known are: place"):
        run("verify", "elsewhere")


def test_no_secret_is_in_what_the_task_says(
    place: Place, connections: dict[str, Any], seaweedfs: SeaweedFS, caplog: pytest.LogCaptureFixture
) -> None:
    connections["writer"] = aws(seaweedfs.endpoint, "marked-key", "marked-secret")
    with pytest.raises(AirflowFailException) as failed:
        run("copy")
    assert "marked-secret" not in str(failed.value) + caplog.text
