"""One whole run with the real wiring: settings from a file, folders as locations, a registry in SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import Ingest
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from full_disk import no_file_beyond
from world import bag_files

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
SETTINGS = """
[registry]
database = "sqlite:///state/registry.sqlite"
[work_area]
path = "state/work"
[receipts]
path = "state/receipts"
[manifests]
path = "state/manifests"
[[locations]]
name = "old"
provider = "local"
path = "old"
[[locations]]
name = "new"
provider = "local"
path = "new"
writable = true
[[policies]]
spaces = []
locations = ["new"]
"""
BAG = BagId.parse("digitised/b1234")
# Room enough for Airflow's own database and logs.
FULL = 6_000_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: Path) -> Path:
    """A folder with the settings, an empty location, and one to copy from."""
    settings = tmp_path / "bagfill.toml"
    settings.write_text(SETTINGS)
    for folder in ("state", "new", "old"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("BAGFILL_CONFIG", str(settings))
    return tmp_path


def put(place: Path, payload: Mapping[str, bytes]) -> set[str]:
    """The bag is in the old location, and known; returns its paths."""
    version = place / "old" / str(BAG) / "v1"
    files = bag_files(BAG, payload)
    for path, data in files.items():
        (version / path).parent.mkdir(parents=True, exist_ok=True)
        (version / path).write_bytes(data)
    with open_services(load_settings(place / "bagfill.toml"), EnvironmentCredentials({})) as services:
        import_location(services, "old")
    return set(files)


def run() -> DagRun:
    dag = DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags["backfill_bag"]
    assert dag.params.get_param("destination").schema["enum"] == ["new"]
    return dag.test(run_conf={"space": "digitised", "external_identifier": "b1234", "destination": "new"})


def arrived(place: Path) -> set[str]:
    """Whatever lies in the folder of the bag version, under its name."""
    there = place / "new" / str(BAG) / "v1"
    return {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}


def judged(place: Path, ran: DagRun) -> tuple[list[str], Ingest]:
    """Where the bag is registered, and the run's ingest."""
    with open_services(load_settings(place / "bagfill.toml"), EnvironmentCredentials({})) as services:
        [ingest] = services.ingests.of_request(str(ran.run_id))
        return [replica.location for replica in services.registry.replicas(BAG.version(1))], ingest


def test_a_bag_is_replicated_from_folder_to_folder(place: Path) -> None:
    files = put(place, {"a.txt": b"alpha", "sub/ü %41+b.txt": b"beta"})
    ran = run()
    assert str(ran.state) == "success"
    assert arrived(place) == files
    locations, ingest = judged(place, ran)
    assert locations == ["old", "new"]
    assert ingest.status.value == "succeeded"


def test_a_worker_whose_disk_is_full_tries_again_says_why_and_leaves_nothing_that_looks_whole(place: Path) -> None:
    files = put(place, {"film.mxf": b"m" * (FULL + 1000)})
    with no_file_beyond(FULL):
        ran = run()
    assert str(ran.state) == "failed"
    assert arrived(place) <= files - {"data/film.mxf"}
    [copy] = [task for task in ran.get_task_instances() if task.task_id == "copy"]
    # A failure that passes: every try that the task has is made.
    assert copy.try_number == copy.max_tries + 1 > 1
    locations, ingest = judged(place, ran)
    assert locations == ["old"]
    assert ingest.status.value == "failed"
    assert "the disk is full" in " ".join(event.description for event in ingest.events)

    again = run()
    assert str(again.state) == "success"
    assert arrived(place) == files
    assert judged(place, again)[0] == ["old", "new"]
