"""One whole run with the real wiring: settings from a file, folders as locations, a registry in SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from bagfill.bag.identifiers import BagId
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
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


def test_a_bag_is_replicated_from_folder_to_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: Path
) -> None:
    settings = tmp_path / "bagfill.toml"
    settings.write_text(SETTINGS)
    for folder in ("state", "new", "old"):
        (tmp_path / folder).mkdir()
    version = tmp_path / "old" / str(BAG) / "v1"
    files = bag_files(BAG, {"a.txt": b"alpha", "sub/ü %41+b.txt": b"beta"})
    for path, data in files.items():
        (version / path).parent.mkdir(parents=True, exist_ok=True)
        (version / path).write_bytes(data)
    with open_services(load_settings(settings), EnvironmentCredentials({})) as services:
        import_location(services, "old")
    monkeypatch.setenv("BAGFILL_CONFIG", str(settings))

    dag = DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags["backfill_bag"]
    assert dag.params.get_param("destination").schema["enum"] == ["new"]
    run = dag.test(run_conf={"space": "digitised", "external_identifier": "b1234", "destination": "new"})

    assert str(run.state) == "success"
    there = tmp_path / "new" / str(BAG) / "v1"
    assert {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()} == set(files)
    with open_services(load_settings(settings), EnvironmentCredentials({})) as services:
        assert [replica.location for replica in services.registry.replicas(BAG.version(1))] == ["old", "new"]
        [ingest] = services.ingests.of_request(str(run.run_id))
        assert ingest.status.value == "succeeded"
