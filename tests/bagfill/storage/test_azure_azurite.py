"""The Azure store against Azurite."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from bagfill.demo.azurite import Azurite
from bagfill.storage.azure import AzureStore
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import AlreadyExists, ArchiveState, Capability, Created, ObjectStore, ThawAnswer, ThawTier
from contracts.store_contract import Home, StoreContract, crc, read

pytestmark = pytest.mark.servers

CONTAINER = "store-contract"


@pytest.fixture(scope="module")
def access(azurite: Azurite) -> AzureAccess:
    return AzureAccess(azurite.endpoint, account_key=azurite.account_key)


@pytest.fixture(scope="module")
def outside(azurite: Azurite) -> Any:
    """The SDK without our store."""
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    container = service.get_container_client(CONTAINER)
    container.create_container()
    yield container
    service.close()


@pytest.fixture(scope="module")
def home(access: AzureAccess, outside: Any) -> Home:
    return Home(
        open=lambda: AzureStore(CONTAINER, access, location="azurite"),
        shared=AzureStore(CONTAINER, access, location="azurite"),
        put=lambda key, data: outside.upload_blob(key, data, overwrite=True),
        remove=outside.delete_blob,
    )


def _sas(azurite: Azurite, **permissions: bool) -> str:
    return generate_container_sas(
        azurite.account,
        CONTAINER,
        account_key=azurite.account_key,
        permission=ContainerSasPermissions(**permissions),
        expiry=datetime.now(UTC) + timedelta(hours=1),
        protocol="https,http",
    )


class TestAzurite(StoreContract):
    # More than a page of 5,000 would take ten seconds here; `test_paging` makes pages small instead.
    many = 40

    def test_paging(self, home: Home, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store = home.open()
        assert isinstance(store, AzureStore)
        for number in range(7):
            store.create(f"{folder}{number}/x", b"")
        whole = store._sdk.client.list_blobs
        monkeypatch.setattr(store._sdk.client, "list_blobs", lambda **options: whole(results_per_page=3, **options))
        assert [info.key for info in store.list(folder)] == [f"{folder}{number}/x" for number in range(7)]

    @pytest.mark.parametrize("by", ["key", "signature"])
    def test_small_objects_go_the_fast_way_whatever_the_environment_says(
        self, azurite: Azurite, access: AzureAccess, folder: str, monkeypatch: pytest.MonkeyPatch, by: str
    ) -> None:
        wrong = base64.b64encode(b"a wrong account key").decode()
        for name, value in (
            ("AZURE_STORAGE_ACCOUNT_NAME", "another"),
            ("AZURE_STORAGE_ACCOUNT_KEY", wrong),
            ("AZURE_STORAGE_SAS_KEY", "sv=1&sig=another"),
            ("AZURE_STORAGE_TOKEN", "another"),
            ("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:9"),
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("AZURE_SKIP_SIGNATURE", "true"),
        ):
            monkeypatch.setenv(name, value)
        if by == "signature":
            sas = _sas(azurite, read=True, list=True, create=True, write=True)
            access = AzureAccess(azurite.endpoint, sas_token=sas)
        store = AzureStore(CONTAINER, access, location="fast")
        # Without the SDK's second opinion, which would hide that the fast way fails.
        monkeypatch.delattr(AzureStore, "_sdk")
        assert isinstance(store.create(f"{folder}a +%2F é.txt", b"fast"), Created)
        assert read(store, f"{folder}a +%2F é.txt") == b"fast"
        assert read(store, f"{folder}a +%2F é.txt", start=1, length=2) == b"as"
        info = store.stat(f"{folder}a +%2F é.txt")
        assert info is not None
        assert info.size == 4
        write = store.stage(f"{folder}blocks +%2F é.txt")
        blocks = [write.stage(index, data, crc(data)) for index, data in enumerate((b"fast", b"er"))]
        assert dict(write.staged()) == dict(enumerate(blocks))
        assert isinstance(write.commit(blocks), Created)
        assert read(store, f"{folder}blocks +%2F é.txt") == b"faster"

    def test_it_thaws_tells_states_in_listings_and_copies_by_url(self, store: ObjectStore) -> None:
        assert store.capabilities == {
            Capability.THAW,
            Capability.ARCHIVE_STATE_IN_LISTING,
            Capability.SIGNED_URLS,
            Capability.COPY_FROM_URL,
        }

    def test_blocks_of_others_are_not_ours(self, store: ObjectStore, folder: str, outside: Any) -> None:
        outside.get_blob_client(f"{folder}big").stage_block("somebody-elses-block-of-39-characters-x", b"theirs")
        assert dict(store.stage(f"{folder}big").staged()) == {}

    def test_an_archived_blob_is_thawed_and_read(self, store: ObjectStore, folder: str, outside: Any) -> None:
        key = f"{folder}a"
        store.create(key, b"frozen")
        outside.get_blob_client(key).set_standard_blob_tier("Archive")
        info = store.stat(key)
        assert info is not None
        assert (info.archive, info.storage_class) == (ArchiveState.ARCHIVED, "Archive")
        assert [item.archive for item in store.list(folder)] == [ArchiveState.ARCHIVED]
        for options in ({}, {"start": 1, "length": 2}, {"length": 0}):
            with pytest.raises(StoreError) as raised:
                read(store, key, **options)
            assert raised.value.failure is StoreFailure.ARCHIVED
        assert store.create(key, b"other") == AlreadyExists()
        assert store.request_thaw(key, tier=ThawTier.BULK, days=1) is ThawAnswer.REQUESTED
        # Azurite rehydrates at once; a pending rehydrate is tested on the properties alone.
        assert read(store, key) == b"frozen"
        assert store.request_thaw(key, tier=ThawTier.BULK, days=1) is ThawAnswer.NOT_ARCHIVED

    def test_a_container_that_does_not_exist_is_no_absent_object(self, access: AzureAccess) -> None:
        store = AzureStore("no-such-container", access, location="nowhere")
        for act in self._all_acts(store):
            with pytest.raises(StoreError) as raised:
                act()
            assert raised.value.failure is StoreFailure.MISCONFIGURED

    def test_a_wrong_key_is_denied_and_never_absent(self, azurite: Azurite) -> None:
        wrong = base64.b64encode(b"a wrong account key").decode()
        access = AzureAccess(azurite.endpoint, account_key=wrong)
        store = AzureStore(CONTAINER, access, location="azurite")
        for act in self._all_acts(store):
            with pytest.raises(StoreError) as raised:
                act()
            assert raised.value.failure is StoreFailure.DENIED
            assert wrong not in str(raised.value)
        assert wrong not in repr(access) + repr(store)

    def test_a_signature_that_only_reads_cannot_write(self, azurite: Azurite, store: ObjectStore, folder: str) -> None:
        store.create(f"{folder}a", b"x")
        sas = _sas(azurite, read=True, list=True)
        reader = AzureStore(CONTAINER, AzureAccess(azurite.endpoint, sas_token=sas), location="azurite")
        assert read(reader, f"{folder}a") == b"x"
        assert [info.key for info in reader.list(folder)] == [f"{folder}a"]
        assert reader.stat(f"{folder}b") is None
        for act in (
            lambda: reader.create(f"{folder}b", b"x"),
            lambda: reader.stage(f"{folder}b").stage(0, b"x", crc(b"x")),
        ):
            with pytest.raises(StoreError) as raised:
                act()
            assert raised.value.failure is StoreFailure.DENIED
            assert "sig=" not in str(raised.value)

    def test_a_signature_that_creates_but_never_overwrites_is_enough_for_writing(
        self, azurite: Azurite, folder: str
    ) -> None:
        sas = _sas(azurite, read=True, list=True, create=True, write=True)
        writer = AzureStore(CONTAINER, AzureAccess(azurite.endpoint, sas_token=sas), location="azurite")
        assert isinstance(writer.create(f"{folder}a", b"x"), Created)
        write = writer.stage(f"{folder}b")
        assert isinstance(write.commit([write.stage(0, b"x", crc(b"x"))]), Created)

    def _all_acts(self, store: AzureStore) -> list[Any]:
        return [
            lambda: store.stat("new/a"),
            lambda: list(store.list("new/")),
            lambda: list(store.list_folders("")),
            lambda: read(store, "new/a"),
            lambda: store.create("new/a", b"x"),
            lambda: store.stage("new/a").stage(0, b"x", crc(b"x")),
            lambda: store.stage("new/a").staged(),
            lambda: store.request_thaw("new/a", tier=ThawTier.BULK, days=1),
        ]
