"""Services from settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bagfill.database.engine import open_database
from bagfill.database.errors import DatabaseError
from bagfill.database.revision import NEWEST, VERSION_TABLE, current_revision
from bagfill.fixity.signing import KeyUnusable
from bagfill.settings import Settings, parse_settings
from bagfill.settings.sections import SigningSource
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.errors import StoreError
from bagfill.storage.gate import LocationLimits
from bagfill.storage.location import Location, Provider, ThawDefaults
from bagfill.storage.server_copy import NotFetched, PinnedSource
from bagfill.storage.shares import MemoryShares
from bagfill.wiring import OpenedStores, open_services, price_lookup
from contracts.stub_provider import refusing

NOBODY = EnvironmentCredentials({})


def settings(folder: Path, **registry: Any) -> Settings:
    document = {
        "registry": {"database": "sqlite:///registry.sqlite", **registry},
        **{key: {"path": f"state/{key}"} for key in ("work_area", "receipts", "manifests")},
        "locations": [
            {"name": "shelf", "provider": "local", "path": "shelf", "writable": True},
            {"name": "archive", "provider": "local", "path": "archive"},
            {"name": "cloud", "provider": "azure-blob-storage", "container": "none", "read_connection": "none"},
        ],
        "policies": [{"locations": ["shelf"]}],
    }
    return parse_settings(document, folder / "bagfill.toml", {})


def test_services_work_on_an_empty_folder(tmp_path: Path) -> None:
    with open_services(settings(tmp_path), NOBODY) as services:
        assert list(services.registry.bag_versions()) == []
        assert services.ingests.recent() == ()
        assert services.work.write_json("a/b.json", {"x": 1})
        assert services.receipts.write_json("c.json", {})
        assert services.policies[0].locations == ("shelf",)
    assert (tmp_path / "state/work_area/a/b.json").is_file()
    assert (tmp_path / "state/receipts/c.json").is_file()


def test_the_key_that_signs_comes_from_a_file_or_a_connection(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    text = json.dumps({"conn_type": "generic", "password": pem.decode()})
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_SIGNING": text})
    fingerprint = hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()
    for source in (SigningSource(key=tmp_path / "key.pem"), SigningSource(connection="signing")):
        with open_services(replace(settings(tmp_path), signing=source), credentials) as services:
            assert services.signing is not None
            assert services.signing().public.fingerprint == fingerprint
    missing = replace(settings(tmp_path), signing=SigningSource(key=tmp_path / "none.pem"))
    with open_services(missing, credentials) as services:
        assert services.signing is not None
        with pytest.raises(KeyUnusable, match=r"none\.pem: No such file"):
            services.signing()
    with open_services(settings(tmp_path), credentials) as services:
        assert services.signing is None


def test_opened_again_everything_is_there(tmp_path: Path) -> None:
    for expected in (True, False):
        with open_services(settings(tmp_path), NOBODY) as services:
            assert services.work.write_json("x.json", {}) is expected


def test_a_location_is_opened_only_when_asked_for(tmp_path: Path) -> None:
    unreachable = pytest.raises(StoreError, match="AIRFLOW_CONN_NONE")
    with open_services(settings(tmp_path), NOBODY) as services, unreachable:
        services.stores.reading(services.locations["cloud"])


def test_stores_are_kept_and_shared(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    location = Location("shelf", Provider.LOCAL, str(tmp_path / "shelf"), writable=True)
    with OpenedStores(NOBODY) as stores:
        assert stores.reading(location) is stores.reading(location)
        assert stores.reading(location) is not stores.writing(location)


def test_what_is_read_only_is_not_opened_for_writing(tmp_path: Path) -> None:
    with open_services(settings(tmp_path), NOBODY) as services, pytest.raises(ValueError, match="reading only"):
        services.stores.writing(services.locations["archive"])


def test_a_database_is_left_alone_when_the_settings_say_so(tmp_path: Path) -> None:
    careful = settings(tmp_path, auto_migrate=False)
    with pytest.raises(DatabaseError, match="bagfill db upgrade"), open_services(careful, NOBODY):
        pass
    with open_services(settings(tmp_path), NOBODY):
        pass
    with open_services(careful, NOBODY) as services:
        assert list(services.registry.bag_versions()) == []
    engine = open_database(careful.database.get_secret_value())
    assert current_revision(engine) == NEWEST
    engine.dispose()


def test_a_newer_database_is_told_from_an_older_one(tmp_path: Path) -> None:
    from sqlalchemy import text

    from bagfill.database.engine import writing

    with open_services(settings(tmp_path), NOBODY):
        pass
    engine = open_database(settings(tmp_path).database.get_secret_value())
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseError, match="newer Bagfill"), open_services(settings(tmp_path), NOBODY):
        pass


def test_a_location_that_thaws_by_copying_pays_for_copies(tmp_path: Path) -> None:
    made = settings(tmp_path)
    place = Location("cold", Provider.AZURE_BLOB_STORAGE, "bags", prices="azure-eastus2")
    copying = replace(place, name="copying", thaw=ThawDefaults(copies="thawed", into="Cool"))
    prices = price_lookup(replace(made, locations={"cold": place, "copying": copying}))
    tables = [prices(name) for name in ("cold", "copying")]
    assert [table and table.thawed_as for table in tables] == ["", "Cool"]


def test_copies_by_the_providers_take_their_turns_at_both_locations() -> None:
    """A share of each location's limits is asked for, by the look at the source and by the copy."""

    class Seen(MemoryShares):
        def hold(self, location: str, holder: str, lease: timedelta) -> int:
            asked.append(location)
            return super().hold(location, holder, lease)

    asked: list[str] = []
    limits = LocationLimits(requests_per_second=1000)
    with refusing(404, "NoSuchKey") as stub:
        extra = {"endpoint_url": stub.url, "region_name": "us-east-1"}
        connection = json.dumps({"conn_type": "aws", "login": "key", "password": "secret", "extra": extra})
        source, destination = (
            Location(
                name,
                Provider.AMAZON_S3,
                name,
                read_connection="s3",
                write_connection="s3",
                writable=True,
                limits=limits,
            )
            for name in ("source", "destination")
        )
        with OpenedStores(EnvironmentCredentials({"AIRFLOW_CONN_S3": connection}), Seen()) as stores:
            way = stores.server_copy(source, destination)
            assert way is not None
            found = way.pin("k", "etag")
            assert isinstance(found, NotFetched)
            assert asked == ["source"]
            refused = way.stage(PinnedSource("k", 1, "etag"), "k", "a:b", index=0, start=0, length=1)
            assert isinstance(refused, NotFetched)
            assert asked == ["source", "destination"]
