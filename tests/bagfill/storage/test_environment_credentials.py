"""Connections written as Airflow writes them, outside Airflow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bagfill.storage.credentials import AzureAccess, CredentialsError, S3Access, ServicePrincipal
from bagfill.storage.environment_credentials import EnvironmentCredentials

SECRET = "never/shown+secret=="


def credentials(**connections: Any) -> EnvironmentCredentials:
    return EnvironmentCredentials(
        {
            f"AIRFLOW_CONN_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in connections.items()
        }
    )


def test_an_aws_connection_in_json() -> None:
    extra = {"endpoint_url": "http://127.0.0.1:1", "region_name": "eu-west-1", "aws_session_token": "t"}
    found = credentials(src={"conn_type": "aws", "login": "key", "password": SECRET, "extra": extra}).s3("src")
    assert found == S3Access(
        endpoint_url="http://127.0.0.1:1",
        region="eu-west-1",
        access_key_id="key",
        secret_access_key=SECRET,
        session_token="t",
    )
    assert SECRET not in repr(found)


def test_a_secret_is_the_password_of_a_connection_of_any_type() -> None:
    assert credentials(signing={"conn_type": "generic", "password": SECRET}).secret("signing") == SECRET
    with pytest.raises(CredentialsError, match="AIRFLOW_CONN_NONE is not set"):
        credentials().secret("none")
    with pytest.raises(CredentialsError, match="AIRFLOW_CONN_SIGNING: has no password"):
        credentials(signing={"conn_type": "generic", "login": "x"}).secret("signing")


def test_extra_may_be_a_string_and_the_endpoint_per_service() -> None:
    extra = json.dumps({"profile_name": "archive", "service_config": {"s3": {"endpoint_url": "https://s3.test"}}})
    found = credentials(src={"conn_type": "aws", "extra": extra}).s3("src")
    assert found == S3Access(endpoint_url="https://s3.test", profile="archive")


def test_an_aws_connection_as_uri() -> None:
    uri = "aws://key:never%2Fshown%2Bsecret%3D%3D@/?region_name=eu-west-1&endpoint_url=http%3A%2F%2F127.0.0.1%3A1"
    found = credentials(src=uri).s3("SRC")
    assert found == S3Access("http://127.0.0.1:1", "eu-west-1", "key", SECRET)


def test_a_uri_may_nest_its_extra() -> None:
    found = credentials(src="aws:///?__extra__=%7B%22region_name%22%3A%20%22eu-west-2%22%7D").s3("src")
    assert found.region == "eu-west-2"


def test_no_connection_means_the_default_chain() -> None:
    env = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    for connection_id in (None, "absent"):
        found = EnvironmentCredentials(env).s3(connection_id)
        assert found == S3Access("http://127.0.0.1:1", access_key_id="k", secret_access_key=SECRET)
    assert EnvironmentCredentials({}).s3(None) == S3Access()


ACCOUNT = "https://archive.blob.core.windows.net"


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"login": "archive", "password": SECRET}, AzureAccess(ACCOUNT, account_key=SECRET)),
        ({"login": "archive", "password": SECRET, "host": ACCOUNT + "/"}, AzureAccess(ACCOUNT, account_key=SECRET)),
        ({"host": "archive.blob.core.windows.net"}, AzureAccess(ACCOUNT)),
        ({"login": "archive", "extra": {"sas_token": "?sv=1&sig=x"}}, AzureAccess(ACCOUNT, sas_token="sv=1&sig=x")),
        (
            {"login": "archive", "extra": {"sas_token": f"{ACCOUNT}/c?sv=1&sig=x"}},
            AzureAccess(ACCOUNT, sas_token="sv=1&sig=x"),
        ),
        (
            {"login": "client", "password": SECRET, "host": ACCOUNT, "extra": {"tenant_id": "t"}},
            AzureAccess(ACCOUNT, service_principal=ServicePrincipal("t", "client", SECRET)),
        ),
        (
            {"extra": {"connection_string": f"AccountName=archive;AccountKey={SECRET};EndpointSuffix=test"}},
            AzureAccess("https://archive.blob.test", account_key=SECRET),
        ),
        (
            {"extra": {"connection_string": "BlobEndpoint=http://h:1/acc/;SharedAccessSignature=?sv=1&sig=x"}},
            AzureAccess("http://h:1/acc", sas_token="sv=1&sig=x"),
        ),
    ],
)
def test_a_wasb_connection(connection: dict[str, Any], expected: AzureAccess) -> None:
    found = credentials(dst={"conn_type": "wasb", **connection}).azure("dst")
    assert found == expected
    assert SECRET not in repr(found)
    assert "sig=x" not in repr(found)


def test_an_azure_connection_string_in_the_environment() -> None:
    text = f"DefaultEndpointsProtocol=http;AccountName=acc;AccountKey={SECRET};BlobEndpoint=http://127.0.0.1:1/acc;"
    found = EnvironmentCredentials({"AZURE_STORAGE_CONNECTION_STRING": text}).azure(None)
    assert found == AzureAccess("http://127.0.0.1:1/acc", account_key=SECRET)
    assert found.account_name == "acc"


def test_the_account_is_in_the_host_or_in_the_path() -> None:
    assert AzureAccess(ACCOUNT).account_name == "archive"
    assert AzureAccess("http://azurite:10000/devstoreaccount1").account_name == "devstoreaccount1"


@pytest.mark.parametrize(
    ("kind", "connection", "words"),
    [
        ("s3", {"conn_type": "wasb"}, "conn_type is 'wasb', expected aws"),
        ("s3", {"conn_type": "aws", "login": "key"}, "go together"),
        ("s3", {"conn_type": "aws", "password": SECRET}, "go together"),
        ("s3", {"conn_type": "aws", "extra": {"role_arn": "arn:aws:iam::1:role/r"}}, "role_arn works inside Airflow"),
        ("s3", {"conn_type": "aws", "extra": {"region_name": 7}}, "extra.region_name must be a string, found int"),
        ("s3", '{"conn_type": "aws", "password": "' + SECRET, "no JSON at character"),
        ("s3", {"conn_type": "aws", "extra": SECRET}, "extra is no JSON object"),
        ("azure", {"conn_type": "wasb", "password": SECRET}, "host .* or login .* is needed"),
        ("azure", {"conn_type": "wasb", "extra": {"connection_string": "AccountName=a"}}, "neither AccountKey nor"),
        ("azure", {"conn_type": "wasb", "extra": {"connection_string": SECRET}}, "neither BlobEndpoint nor"),
        ("azure", {"conn_type": "wasb", "host": f"https://a.test/?sig={SECRET}"}, "without query"),
    ],
)
def test_what_cannot_be_used_is_named_and_never_quoted(kind: str, connection: Any, words: str) -> None:
    with pytest.raises(CredentialsError, match=words) as raised:
        getattr(credentials(bad=connection), kind)("bad")
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_azure_location_without_any_account_says_what_to_set() -> None:
    with pytest.raises(CredentialsError, match="AIRFLOW_CONN_DST, AZURE_STORAGE_CONNECTION_STRING or"):
        EnvironmentCredentials({}).azure("dst")
