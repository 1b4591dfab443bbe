"""The local store against the contract, and what only a file system can do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.local import LocalStore
from bagfill.storage.names import STAGING_FOLDER
from bagfill.storage.store import Created
from contracts.store_contract import Home, StoreContract, crc, read


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("bucket")

    def put(key: str, data: bytes) -> None:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).unlink(missing_ok=True)
        (folder / key).write_bytes(data)

    store = LocalStore(folder, location="local")
    return Home(
        open=lambda: LocalStore(folder, location="local"),
        shared=store,
        put=put,
        remove=lambda key: (folder / key).unlink(),
    )


class TestLocalStore(StoreContract):
    many = 300

    def _clashing(self, names: set[str]) -> set[str]:
        return {"a"}

    def test_listings_are_in_key_order(self, home: Home, folder: str) -> None:
        names = ["a/b", "a-b/c", "a.txt", "a0", "Z", "é", "a+"]
        for name in names:
            home.put(folder + name, b"")
        assert [info.key for info in home.open().list(folder)] == sorted(
            (folder + name for name in names), key=str.encode
        )


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "bucket").mkdir()
    return LocalStore(tmp_path / "bucket", location="local")


def _failure(error: pytest.ExceptionInfo[StoreError]) -> StoreFailure:
    return error.value.failure


def test_a_folder_that_is_gone_is_no_absent_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "unmounted", location="local")
    for act in (
        lambda: store.stat("a"),
        lambda: list(store.list("")),
        lambda: list(store.list("a/")),
        lambda: list(store.list_folders("")),
        lambda: read(store, "a"),
        lambda: store.create("a", b""),
        lambda: store.stage("a"),
    ):
        with pytest.raises(StoreError) as raised:
            act()
        assert _failure(raised) is StoreFailure.MISCONFIGURED
    assert not (tmp_path / "unmounted").exists()


def test_unfinished_writes_are_never_listed(store: LocalStore, tmp_path: Path) -> None:
    write = store.stage("big")
    write.stage(0, b"x", crc(b"x"))
    assert list(store.list("")) == []
    assert list(store.list_folders("")) == []
    assert isinstance(write.commit(list(write.staged().values())), Created)
    assert list((tmp_path / "bucket" / STAGING_FOLDER).iterdir()) == []


def test_a_created_file_leaves_nothing_in_staging(store: LocalStore, tmp_path: Path) -> None:
    store.create("a", b"x")
    store.create("a", b"y")
    assert list((tmp_path / "bucket" / STAGING_FOLDER).iterdir()) == []


def test_a_link_out_of_the_folder_is_an_error(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "bucket" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "there").write_bytes(b"secret")
    (tmp_path / "bucket" / "folder").symlink_to(tmp_path / "outside")
    for act in (
        lambda: store.stat("link"),
        lambda: read(store, "link"),
        lambda: store.stat("folder/there"),
        lambda: read(store, "folder/there"),
        lambda: list(store.list("")),
        lambda: store.create("folder/new", b"x"),
    ):
        with pytest.raises(StoreError) as raised:
            act()
        assert _failure(raised) is StoreFailure.UNSUPPORTED
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["there"]


def test_a_link_within_the_folder_is_read(store: LocalStore, tmp_path: Path) -> None:
    store.create("a", b"bytes")
    (tmp_path / "bucket" / "b").symlink_to("a")
    assert read(store, "b") == b"bytes"
    assert store.stat("b") is not None
    assert [info.key for info in store.list("")] == ["a", "b"]


def test_links_to_files_are_followed_in_listings_of_folders_as_far_as_they_stay_inside(
    store: LocalStore, tmp_path: Path
) -> None:
    store.create("a", b"bytes")
    store.create("x/y/z", b"1")
    (tmp_path / "bucket" / "x" / "y" / "inside").symlink_to(tmp_path / "bucket" / "a")
    for prefix in ("", "x/", "x/y/"):
        assert [(info.key, info.size) for info in store.list(prefix)][-2:] == [("x/y/inside", 5), ("x/y/z", 1)]
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "bucket" / "x" / "y" / "outside").symlink_to(tmp_path / "secret")
    for prefix in ("", "x/", "x/y/"):
        with pytest.raises(StoreError) as raised:
            list(store.list(prefix))
        assert _failure(raised) is StoreFailure.UNSUPPORTED


def test_a_key_that_needs_a_folder_where_a_file_is_cannot_be_written(store: LocalStore) -> None:
    store.create("a", b"file")
    store.create("b/c", b"file")
    for key in ("a/b", "b"):
        with pytest.raises(StoreError) as raised:
            store.create(key, b"x")
        assert _failure(raised) is StoreFailure.UNSUPPORTED
    assert read(store, "a") == b"file"


def test_a_file_rewritten_while_it_is_read_is_noticed(store: LocalStore, tmp_path: Path) -> None:
    store.create("a", bytes(3 * 1024 * 1024))
    chunks = store.read("a")
    next(chunks)
    with (tmp_path / "bucket" / "a").open("r+b") as file:
        file.write(b"other")
    os.utime(tmp_path / "bucket" / "a", ns=(1, 1))
    with pytest.raises(StoreError) as raised:
        list(chunks)
    assert _failure(raised) is StoreFailure.CHANGED


def test_a_name_that_is_no_unicode_is_an_error_in_a_listing(store: LocalStore, tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bucket/\xff"))).write_bytes(b"")
    with pytest.raises(StoreError) as raised:
        list(store.list(""))
    assert _failure(raised) is StoreFailure.BAD_NAME


def test_the_staging_folder_is_no_place_for_objects(store: LocalStore) -> None:
    with pytest.raises(StoreError) as raised:
        store.create(f"{STAGING_FOLDER}/a", b"x")
    assert _failure(raised) is StoreFailure.BAD_NAME


def test_a_token_cannot_point_outside(store: LocalStore) -> None:
    with pytest.raises(StoreError) as raised:
        store.stage("a", token="../../etc")
    assert _failure(raised) is StoreFailure.MISSING


def test_a_token_belongs_to_its_key(store: LocalStore) -> None:
    token = store.stage("a").token
    with pytest.raises(StoreError) as raised:
        store.stage("b", token=token).staged()
    assert _failure(raised) is StoreFailure.MISSING


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        LocalStore(Path("bucket"), location="local")
