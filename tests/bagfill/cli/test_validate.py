"""``bagfill validate`` on folders, and on prefixes at real servers."""

from __future__ import annotations

import errno
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.write import write_bag
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.providers import open_store
from bagfill.storage.store import Capability

Samples = Any


def _bag(collection: Samples, name: str) -> Any:
    return next(sample for sample in collection if str(sample.id) == name)


@pytest.fixture
def folder(place: Any, collection: Samples, fill: Any) -> Path:
    fill(collection)
    return Path(place.source.bucket)


@pytest.mark.parametrize(
    "name", ["digitised/b12345672/v3", "born-digital/names/v1", "born-digital/old-tools/v2", "digitised/b20000022/v1"]
)
def test_sound_bags_are_valid(bagfill: Any, folder: Path, collection: Samples, name: str) -> None:
    answer = bagfill("validate", folder / name, "--json")
    assert (answer.code, answer.json["findings"]) == (0, [])
    sample = _bag(collection, name)
    assert answer.json["files"] >= len(sample.objects)
    assert answer.json["bytes"] >= sample.size


def test_fetched_files_are_read_in_the_folders_of_other_versions(bagfill: Any, folder: Path) -> None:
    bag = folder / "digitised/b12345672"
    assert bagfill("validate", bag / "v3").code == 0
    page = bag / "v1/data/images/0002.jp2"
    page.write_bytes(b"x" + page.read_bytes()[1:])
    changed = bagfill("validate", bag / "v3", "--json")
    assert changed.code == 1
    assert {finding["path"] for finding in changed.json["findings"]} == {"data/images/0003.jp2"}
    page.unlink()
    assert bagfill("validate", bag / "v3").code == 1


def test_fetched_files_out_of_reach_are_said_to_be(bagfill: Any, folder: Path) -> None:
    alone = folder / "alone"
    (folder / "digitised/b12345672/v3").rename(alone)
    answer = bagfill("validate", alone, "--json")
    assert len(answer.json["fetched_files_not_looked_for"]) == 3
    assert "not looked for" in bagfill("validate", alone).out


def test_corrupt_payload_is_found_and_named(bagfill: Any, folder: Path) -> None:
    answer = bagfill("validate", folder / "born-digital/bit-rot/v1", "--json")
    assert answer.code == 1
    assert {finding["path"] for finding in answer.json["findings"]} == {"data/rotten.bin"}
    assert all(finding["code"] and finding["severity"] == "error" for finding in answer.json["findings"])
    assert "not valid" in bagfill("validate", folder / "born-digital/bit-rot/v1").out


def test_profiles_differ(bagfill: Any, folder: Path) -> None:
    dotted = folder / "born-digital/SATSY/1821/4/v1"
    assert bagfill("validate", dotted).code == 1
    assert bagfill("validate", dotted, "--profile", "bagit").code == 0


def test_nothing_there_is_no_verdict(bagfill: Any, place: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert bagfill("validate", tmp_path / "empty").code == 2


def test_validating_leaves_no_trace(bagfill: Any, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    bagfill("validate", folder / "born-digital/names/v1")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.servers
def test_bags_at_s3_and_azure(
    bagfill: Any, collection: Samples, ministack: MiniStack, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ministack.create_bucket("validate-cli")
    azurite.create_container("validate-cli")
    s3 = {
        "conn_type": "aws",
        "login": ministack.access_key,
        "password": ministack.secret_key,
        "extra": {"endpoint_url": ministack.endpoint, "region_name": ministack.region},
    }
    azure = {"conn_type": "wasb", "extra": {"connection_string": azurite.connection_string}}
    environ = {"AIRFLOW_CONN_VALIDATE_S3": json.dumps(s3), "AIRFLOW_CONN_VALIDATE_AZ": json.dumps(azure)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert isinstance(EnvironmentCredentials(environ).s3("validate_s3"), S3Access)
    for provider, connection, scheme in (
        (Provider.AMAZON_S3, "validate_s3", "s3"),
        (Provider.AZURE_BLOB_STORAGE, "validate_az", "az"),
    ):
        location = Location("x", provider, "validate-cli", write_connection=connection, writable=True)
        store = open_store(location, EnvironmentCredentials(environ), writing=True)
        for name in ("born-digital/names/v1", "born-digital/bit-rot/v1"):
            write_bag(store, location, _bag(collection, name))
        store.close()
        sound = bagfill("validate", f"{scheme}://validate-cli/born-digital/names/v1", "--connection", connection)
        assert sound.code == 0, sound.out
        corrupt = bagfill("validate", f"{scheme}://validate-cli/born-digital/bit-rot/v1/", "--connection", connection)
        assert corrupt.code == 1
        assert bagfill("validate", f"{scheme}://validate-cli/none/v1", "--connection", connection).code == 2


def test_a_bag_in_a_tar_or_zip_file_is_judged_without_unpacking_it(bagfill: Any, folder: Path, tmp_path: Path) -> None:
    for form in ("gztar", "zip"):
        for name, code in (("names/v1", 0), ("bit-rot/v1", 1)):
            made = shutil.make_archive(
                str(tmp_path / form / name.replace("/", "-")), form, folder / "born-digital" / name
            )
            before = sorted(tmp_path.rglob("*"))
            answer = bagfill("validate", made, "--json")
            assert answer.code == code, answer.out
            assert {each["path"] for each in answer.json["findings"]} == (set() if code == 0 else {"data/rotten.bin"})
            assert sorted(tmp_path.rglob("*")) == before


def test_what_is_neither_folder_nor_archive_gives_no_verdict(bagfill: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("x")
    answer = bagfill("validate", file)
    assert answer.code == 2
    assert "neither a folder nor a tar or zip file" in answer.err
    assert bagfill("validate", tmp_path / "none.tar").code == 2


def test_names_of_a_hostile_archive_say_nothing_but_what_they_are(bagfill: Any, tmp_path: Path) -> None:
    path = tmp_path / "bag.tar"
    names = ["../\udcff", "../\x1b[2J", "../x\n/bag.tar: valid", "../\u202e", "../\x9b"]
    with tarfile.open(path, "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
        archive.addfile(tarfile.TarInfo("b1/bagit.txt"))
    answer = bagfill("validate", path)
    assert answer.code == 1
    said = [line for line in answer.out.splitlines() if "ARCHIVE-MEMBER-LEAVES" in line]
    shown = ["../\\udcff", "../\\x1b[2J", "../x\\x0a/bag.tar: valid", "../\\u202e", "../\\x9b"]
    assert [line.rpartition("unpacked in: ")[2] for line in said] == shown
    assert all(character.isprintable() or character == "\n" for character in answer.out)
    found = [each["path"] for each in bagfill("validate", path, "--json").json["findings"]]
    assert [name for name in found if name.startswith("..")] == names


def test_an_archive_that_cannot_be_read_gives_no_verdict(
    bagfill: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shutil.make_archive(str(tmp_path / "bag"), "tar", folder / "born-digital/names/v1")

    def fails(_path: Path, _mode: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", fails)
    answer = bagfill("validate", made)
    assert answer.code == 2
    assert "could not be read: Input/output error" in " ".join(answer.err.split())


def test_a_damaged_archive_gives_no_verdict(bagfill: Any, folder: Path, tmp_path: Path) -> None:
    made = Path(shutil.make_archive(str(tmp_path / "bag"), "gztar", folder / "born-digital/names/v1"))
    made.write_bytes(made.read_bytes()[:-200])
    answer = bagfill("validate", made)
    assert answer.code == 2
    assert "cannot be read to its end" in " ".join(answer.err.split())


def test_a_bag_version_at_a_configured_location(bagfill: Any, folder: Path, place: Any) -> None:
    config = ["--config", place.settings]
    name = "digitised/b12345672/v3"
    assert bagfill("validate", name, "--location", "primary", *config).code == 0
    assert bagfill("validate", "born-digital/bit-rot/v1", "--location", "primary", *config).code == 1
    unknown = bagfill("validate", name, "--location", "nowhere", *config)
    assert unknown.code == 2
    assert "configured locations are primary, shelf" in unknown.err
    wrong = bagfill("validate", "digitised", "--location", "primary", *config)
    assert wrong.code == 2
    assert "SPACE/ID/vN" in wrong.err
    assert bagfill("validate", "digitised/none/v1", "--location", "primary", *config).code == 2


def test_a_bag_that_lies_where_another_belongs_is_told(bagfill: Any, folder: Path, place: Any) -> None:
    (folder / "born-digital/other").mkdir()
    (folder / "born-digital/names/v1").rename(folder / "born-digital/other/v1")
    answer = bagfill("validate", "born-digital/other/v1", "--location", "primary", "--config", place.settings, "--json")
    assert "IDENTIFIER-MISMATCH" in {each["code"] for each in answer.json["findings"]}


def test_archived_objects_give_no_verdict_and_are_counted(
    bagfill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = MemoryBucket()
    bag = folder / "born-digital/names/v1"
    files = [path for path in bag.rglob("*") if path.is_file()]
    for path in files:
        bucket.put_unconditionally(f"names/v1/{path.relative_to(bag).as_posix()}", path.read_bytes())
    bucket.archive("names/v1/bag-info.txt", "DEEP_ARCHIVE")
    for capabilities in ({Capability.THAW}, {Capability.THAW, Capability.ARCHIVE_STATE_IN_LISTING}):
        store = MemoryStore(bucket, location="x", capabilities=frozenset(capabilities))
        monkeypatch.setattr("bagfill.cli.validate.open_place", lambda *_, store=store: store)
        answer = bagfill("validate", "s3://bucket/names/v1")
        said = " ".join(answer.err.split())
        assert answer.code == 2
        assert f"1 of {len(files)} objects are archived and cannot be read, first names/v1/bag-info.txt" in said
