"""``bagfill import`` and ``bagfill backfill`` on real servers, with archived objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.collection import sample_collection
from bagfill.demo.load import archive
from bagfill.demo.ministack import MiniStack
from bagfill.demo.write import write_bag
from bagfill.storage.credentials import S3Access
from bagfill.storage.location import Location, Provider
from bagfill.storage.s3 import S3Store

pytestmark = pytest.mark.servers

BUCKET = "import-cli"
SETTINGS = f"""\
registry.database = "sqlite:///registry.sqlite"
work_area.path = "work"
receipts.path = "receipts"
manifests.path = "manifests"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "{BUCKET}"
prefix = "bags/"
read_connection = "cli_s3"
thaw.days = 1
[[locations]]
name = "azure"
provider = "azure-blob-storage"
container = "{BUCKET}"
read_connection = "cli_azure"
write_connection = "cli_azure"
"""


def test_archived_bags_are_reported_then_thawed_imported_and_replicated(
    bagfill: Any, tmp_path: Path, ministack: MiniStack, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "bagfill.toml"
    settings.write_text(SETTINGS)
    monkeypatch.setenv("BAGFILL_CONFIG", str(settings))
    s3 = {
        "conn_type": "aws",
        "login": ministack.access_key,
        "password": ministack.secret_key,
        "extra": {"endpoint_url": ministack.endpoint, "region_name": ministack.region},
    }
    azure = {"conn_type": "wasb", "extra": {"connection_string": azurite.connection_string}}
    monkeypatch.setenv("AIRFLOW_CONN_CLI_S3", json.dumps(s3))
    monkeypatch.setenv("AIRFLOW_CONN_CLI_AZURE", json.dumps(azure))
    ministack.create_bucket(BUCKET)
    azurite.create_container(BUCKET)
    samples = [bag for bag in sample_collection(BUCKET, "bags/", large_file_bytes=10) if "b3000" in str(bag.id)]
    location = Location("primary", Provider.AMAZON_S3, BUCKET, "bags/")
    access = S3Access(ministack.endpoint, ministack.region, ministack.access_key, ministack.secret_key)
    store = S3Store(BUCKET, access, location="primary")
    for sample in samples:
        write_bag(store, location, sample)
    assert archive(ministack, location, samples) == sum(bool(o.storage_class) for s in samples for o in s.objects)
    assert bagfill("locations", "--check").code == 0

    first = bagfill("import", "primary", "--json")
    assert first.code == 1
    assert first.json["counts"]["imported"] == first.json["counts"]["needs thaw"] == 1
    thawed = bagfill("import", "primary", "--thaw", "--poll", "0.3", "--json")
    assert thawed.code == 0
    assert thawed.json["counts"]["imported"] == thawed.json["counts"]["already known"] == 1
    payload = location.version_prefix(samples[1].id) + "data/tape-1.wav"
    info = store.stat(payload)
    assert info is not None
    assert info.archive == "archived"

    for sample in samples:
        done = bagfill("backfill", str(sample.id.bag), "--to", "azure", "--poll", "0.3", "--json")
        assert (done.code, done.json["failure"]) == (0, None)
    assert bagfill("coverage", "--csv").out.count(",2,2,0,") == 2
    store.close()
