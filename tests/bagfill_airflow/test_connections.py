"""Airflow connections become accesses; no secret is shown, and no provider's package is imported without need."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from airflow.sdk import Connection

from bagfill.storage.credentials import CredentialsError
from bagfill_airflow.connections import AirflowCredentials, task_connection, trigger_connections

SECRET = "wJalrXUtnFEMI-K7MDENG"
KEY = "a2V5IG9mIGFuIGFjY291bnQ="


def credentials(masked: list[str] | None = None, **fields: Any) -> AirflowCredentials:
    fields.setdefault("conn_type", "aws")
    extra = fields.pop("extra", None)
    connection = Connection(conn_id="store", extra=None if extra is None else json.dumps(extra), **fields)
    return AirflowCredentials(lambda _: connection, mask=(masked if masked is not None else []).append)


class TestS3:
    def test_plain_keys(self) -> None:
        masked: list[str] = []
        extra = {"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:9000"}
        access = credentials(masked, login="AKIA", password=SECRET, extra=extra).s3("store")
        assert (access.access_key_id, access.secret_access_key) == ("AKIA", SECRET)
        assert (access.region, access.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9000")
        assert access.session is None
        assert masked == [SECRET]

    def test_no_secret_is_shown(self) -> None:
        given = credentials(login="AKIA", password=SECRET, extra={"aws_session_token": "token-of-a-session"})
        shown = repr(given) + repr(given.s3("store"))
        assert SECRET not in shown
        assert "token-of-a-session" not in shown

    def test_temporary_keys(self) -> None:
        masked: list[str] = []
        access = credentials(masked, login="AKIA", password=SECRET, extra={"aws_session_token": "token"}).s3("store")
        assert access.session_token == "token"
        assert masked == [SECRET, "token"]

    def test_a_profile_is_left_to_the_provider(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        shared = tmp_path / "credentials"
        shared.write_text(f"[archive]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
        access = credentials(extra={"profile_name": "archive", "region_name": "eu-west-1"}).s3("store")
        session: Any = access.session
        assert session.get_credentials().secret_key == SECRET
        assert access.region == "eu-west-1"
        assert SECRET not in repr(access)

    def test_an_assumed_role_is_left_to_the_provider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory

        asked = []

        def refresh(self: BaseSessionFactory) -> dict[str, str]:
            asked.append(self.role_arn)
            return {
                "access_key": "ASIA",
                "secret_key": SECRET,
                "token": "token",
                "expiry_time": "2099-01-01T00:00:00+00:00",
            }

        monkeypatch.setattr(BaseSessionFactory, "_refresh_credentials", refresh)
        extra = {"role_arn": "arn:aws:iam::1:role/reader", "region_name": "eu-west-1"}
        access = credentials(login="AKIA", password="first", extra=extra).s3("store")
        session: Any = access.session
        assert asked == ["arn:aws:iam::1:role/reader"]
        assert session.get_credentials().access_key == "ASIA"

    def test_an_endpoint_of_the_s3_service_alone(self) -> None:
        extra = {"service_config": {"s3": {"endpoint_url": "https://s3.example.org"}}}
        access = credentials(login="AKIA", password=SECRET, extra=extra).s3("store")
        assert access.endpoint_url == "https://s3.example.org"

    def test_verification_cannot_be_switched_off(self) -> None:
        for off in (False, "false", "0"):
            with pytest.raises(CredentialsError, match="verify is off"):
                credentials(login="AKIA", password=SECRET, extra={"verify": off}).s3("store")

    def test_a_file_of_certificates(self) -> None:
        access = credentials(login="AKIA", password=SECRET, extra={"verify": "/etc/ca.pem"}).s3("store")
        assert access.ca_bundle == "/etc/ca.pem"

    def test_a_connection_of_another_type(self) -> None:
        with pytest.raises(CredentialsError, match="its type is 'http', needed is 'aws'"):
            credentials(conn_type="http", login="AKIA", password=SECRET).s3("store")

    def test_without_a_connection_the_environment_decides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        assert credentials().s3(None).endpoint_url == "http://127.0.0.1:1"


class TestAzure:
    def test_an_account_key(self) -> None:
        masked: list[str] = []
        access = credentials(masked, conn_type="wasb", login="account", password=KEY).azure("store")
        assert (access.account_url, access.account_key) == ("https://account.blob.core.windows.net", KEY)
        assert masked == [KEY]
        assert KEY not in repr(access)

    def test_an_emulator(self) -> None:
        host = "http://127.0.0.1:10000/devstoreaccount1"
        access = credentials(conn_type="wasb", login="devstoreaccount1", password=KEY, host=host).azure("store")
        assert (access.account_url, access.account_name) == (host, "devstoreaccount1")

    def test_a_connection_string(self) -> None:
        masked: list[str] = []
        text = f"DefaultEndpointsProtocol=https;AccountName=account;AccountKey={KEY};EndpointSuffix=core.windows.net"
        access = credentials(masked, conn_type="wasb", extra={"connection_string": text}).azure("store")
        assert (access.account_url, access.account_key) == ("https://account.blob.core.windows.net", KEY)
        assert masked == [KEY]

    def test_a_signature(self) -> None:
        extra = {"sas_token": "?sv=2024&sig=abc"}
        access = credentials(conn_type="wasb", login="account", extra=extra).azure("store")
        assert access.sas_token == "sv=2024&sig=abc"
        assert "abc" not in repr(access)

    def test_a_signature_as_a_whole_url(self) -> None:
        masked: list[str] = []
        extra = {"sas_token": "https://account.blob.core.windows.net/?sv=2024&sig=abc"}
        access = credentials(masked, conn_type="wasb", login="account", extra=extra).azure("store")
        assert (access.account_url, access.sas_token) == ("https://account.blob.core.windows.net", "sv=2024&sig=abc")
        assert masked == ["sv=2024&sig=abc"]

    def test_a_key_that_only_the_provider_knows_to_look_for(self) -> None:
        access = credentials(conn_type="wasb", login="account", extra={"account_key": KEY}).azure("store")
        assert access.account_key == KEY

    def test_a_managed_identity_is_left_to_the_provider(self) -> None:
        extra = {"managed_identity_client_id": "11111111-1111-1111-1111-111111111111"}
        access = credentials(conn_type="wasb", host="https://account.blob.core.windows.net", extra=extra).azure("store")
        assert access.account_url == "https://account.blob.core.windows.net"
        assert hasattr(access.token_credential, "get_token")
        assert access.account_key is None

    def test_verification_cannot_be_switched_off(self) -> None:
        with pytest.raises(CredentialsError, match="verify is off"):
            credentials(conn_type="wasb", login="a", password=KEY, extra={"connection_verify": False}).azure("store")


class TestSecret:
    def test_the_password_of_a_connection_of_any_type(self) -> None:
        masked: list[str] = []
        assert credentials(masked, conn_type="generic", password=SECRET).secret("store") == SECRET
        assert masked == [SECRET]

    def test_a_connection_without_a_password(self) -> None:
        with pytest.raises(CredentialsError, match="'store' has no password"):
            credentials(conn_type="generic", login="x").secret("store")


class TestLookUp:
    def test_a_task_finds_a_connection_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_OUTCOME_OF_A_TEST", json.dumps({"conn_type": "aws", "login": "AKIA"}))
        assert task_connection("outcome_of_a_test").login == "AKIA"

    def test_an_unknown_connection_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(CredentialsError, match="no Airflow connection 'none_of_this_name'"):
            AirflowCredentials.of({}).s3("none_of_this_name")

    async def test_a_trigger_looks_up_all_it_needs_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_ONE_STORE", json.dumps({"conn_type": "aws", "login": "AKIA", "password": "s"}))
        found = await trigger_connections(["one_store", "one_store"])
        assert list(found) == ["one_store"]
        assert AirflowCredentials.of(found).s3("one_store").access_key_id == "AKIA"


def test_plain_keys_need_no_providers_package(tmp_path: Any) -> None:
    program = """
import json, sys
from airflow.sdk import Connection
from bagfill_airflow.connections import AirflowCredentials
aws = Connection(conn_id="a", conn_type="aws", login="k", password="s", extra='{"region_name": "r"}')
wasb = Connection(conn_id="b", conn_type="wasb", login="k", password="s")
found = {"a": aws, "b": wasb}
credentials = AirflowCredentials.of(found)
credentials.s3("a"), credentials.azure("b")
heavy = ("boto3", "azure.storage.blob", "airflow.providers.amazon.aws", "airflow.providers.microsoft.azure.hooks")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={"PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)},
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
