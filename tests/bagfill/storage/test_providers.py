"""The list of providers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bagfill.storage.credentials import AzureAccess, CredentialsError, S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider
from bagfill.storage.providers import open_store


class Known:
    """Tells which connection was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def s3(self, connection_id: str | None) -> S3Access:
        self.asked.append(connection_id)
        return S3Access(region="eu-west-1", access_key_id="k", secret_access_key="s")

    def secret(self, connection_id: str) -> str:
        raise NotImplementedError

    def azure(self, connection_id: str | None) -> AzureAccess:
        self.asked.append(connection_id)
        return AzureAccess("https://a.blob.core.windows.net", account_key="a2V5")


class Unknown(Known):
    def s3(self, connection_id: str | None) -> S3Access:
        raise CredentialsError("AIRFLOW_CONN_READER: no JSON at character 3")


@pytest.mark.parametrize("provider", [Provider.AMAZON_S3, Provider.AZURE_BLOB_STORAGE])
def test_reading_and_writing_are_two_identities(provider: Provider) -> None:
    location = Location("there", provider, "bucket", read_connection="reader", write_connection="writer", writable=True)
    known = Known()
    for writing in (False, True):
        store = open_store(location, known, writing=writing)
        assert store.location == "there"
        store.close()
    assert known.asked == ["reader", "writer"]


def test_a_location_that_is_not_writable_opens_for_reading_only() -> None:
    location = Location("there", Provider.AMAZON_S3, "bucket")
    open_store(location, Known(), writing=False).close()
    with pytest.raises(StoreError) as raised:
        open_store(location, Known(), writing=True)
    assert raised.value.failure is StoreFailure.MISCONFIGURED


def test_a_folder_is_opened(tmp_path: Path) -> None:
    store = open_store(Location("here", Provider.LOCAL, str(tmp_path), writable=True), Known(), writing=True)
    assert store.stat("a") is None


def test_unusable_credentials_are_a_misconfiguration() -> None:
    with pytest.raises(StoreError, match="AIRFLOW_CONN_READER") as raised:
        open_store(Location("there", Provider.AMAZON_S3, "bucket"), Unknown(), writing=False)
    assert raised.value.failure is StoreFailure.MISCONFIGURED


def test_a_memory_location_has_no_bucket_to_open() -> None:
    with pytest.raises(ValueError, match="memory"):
        open_store(Location("there", Provider.MEMORY, "bucket"), Known(), writing=False)


@pytest.mark.parametrize(
    ("opened", "loaded", "absent"),
    [
        ("s3_sdk.S3Sdk", "botocore", "azure.storage"),
        ("azure_sdk.AzureSdk", "azure.storage.blob", "botocore"),
        ("s3.S3Store", "obstore", "botocore"),
        ("azure.AzureStore", "obstore", "azure.core"),
        ("providers.open_store", "bagfill.storage.credentials", "obstore"),
        ("environment_credentials.EnvironmentCredentials", "json", "boto3"),
        ("local.LocalStore", "os", "obstore"),
    ],
)
def test_one_provider_never_loads_the_sdk_of_another(opened: str, loaded: str, absent: str) -> None:
    module = opened.partition(".")[0]
    program = f"import sys, bagfill.storage.{module}; print({loaded!r} in sys.modules, {absent!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"]
