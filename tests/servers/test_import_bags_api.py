"""``bagfill import --service`` through the public API, where the service's tables cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bagfill.cli.app import app
from bagfill.cli.services import services_for
from bagfill.demo.ministack import MiniStack
from bagfill.demo.storage_service.collection import ServiceLocations, put_collection, service_collection
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting

pytestmark = pytest.mark.servers

SETTINGS = """
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "api-primary"
[[locations]]
name = "cold"
provider = "amazon-s3"
bucket = "api-cold"
[storage_service.bags_api]
url = "{api}"
token_url = "{token}"
client_id = "{client}"
secret_connection = "bags_api"
"""


@pytest.fixture(scope="module")
def service(ministack: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServiceServer]:
    # Some manifests come by signed address, others at once.
    setting = ServiceSetting(ministack.endpoint, "byapi", large_response_bytes=1500)
    with StorageServiceServer(tmp_path_factory.mktemp("service"), setting) as server:
        yield server


@pytest.fixture(scope="module")
def names(service: StorageServiceServer) -> list[str]:
    s3 = service.setting.client("s3")
    for bucket in ("api-primary", "api-cold"):
        s3.create_bucket(Bucket=bucket)
    bags = list(service_collection("api-primary", 10))
    put_collection(service.setting, bags, ServiceLocations("api-primary", "api-cold"))
    return sorted({str(bag.sample.id) for bag in bags})


class Installation:
    def __init__(self, service: StorageServiceServer, root: Path, secret: str | None = None) -> None:
        self.config = root / "bagfill.toml"
        setting = service.setting
        values = {"api": service.api, "token": service.token_address, "client": setting.client_id}
        self.config.write_text(SETTINGS.format(**values))
        connection = {"conn_type": "http", "password": setting.client_secret if secret is None else secret}
        self.environment = {"AIRFLOW_CONN_BAGS_API": json.dumps(connection)}
        self.bags = root / "bags.txt"

    def run(self, *arguments: str) -> Any:
        command = ["import", "--service", *arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command, env=self.environment, catch_exceptions=False)

    def learn(self, *bags: str) -> Any:
        self.bags.write_text("".join(f"{bag}\n" for bag in bags))
        return self.run("--bags", str(self.bags), "--json")


def bags_of(names: list[str]) -> list[str]:
    return sorted({name.rpartition("/")[0] for name in names})


def test_named_bags_are_learnt_with_their_locations(
    service: StorageServiceServer, names: list[str], tmp_path: Path
) -> None:
    installation = Installation(service, tmp_path)
    answer = installation.learn(*bags_of(names))
    counts = json.loads(answer.stdout)["counts"]
    assert (answer.exit_code, counts) == (0, {"imported": len(names)})
    with services_for(installation.config) as services:
        known = list(services.registry.bag_versions())
        assert sorted(map(str, known)) == names
        for each in known:
            assert [replica.location for replica in services.registry.replicas(each)] == ["primary", "cold"]
    again = installation.learn(*bags_of(names))
    assert json.loads(again.stdout)["counts"] == {"already known": len(names)}


def test_what_the_service_does_not_know_and_what_it_does_not_answer_are_told_apart(
    service: StorageServiceServer, names: list[str], tmp_path: Path
) -> None:
    installation = Installation(service, tmp_path)
    answer = installation.learn("digitised/nobody", bags_of(names)[0])
    found = json.loads(answer.stdout)
    assert (answer.exit_code, found["counts"]["not sound"]) == (1, 1)
    assert found["notable"][0]["why"] == "the service knows no such bag"
    service.set_faults({"part": "bags", "fault": "status", "status": 403, "count": 1})
    answer = installation.learn("digitised/nobody")
    assert (answer.exit_code, json.loads(answer.stdout)["counts"]) == (2, {"unreadable": 1})


def test_a_wrong_secret_names_what_to_look_at_and_never_the_secret(
    service: StorageServiceServer, names: list[str], tmp_path: Path
) -> None:
    answer = Installation(service, tmp_path, secret="wr0ng").learn(names[0].rpartition("/")[0])
    assert answer.exit_code == 2
    assert "check client_id, the secret's connection and token_url" in answer.stdout
    assert "wr0ng" not in answer.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "name them, SPACE/ID one a line, with --bags FILE"),
        ("", "names no bag"),
        ("\n\n", "names no bag"),
        ("digitised/b1\nnoslash\n", "line 2"),
    ],
)
def test_bags_that_are_not_named_are_asked_for(
    service: StorageServiceServer, tmp_path: Path, text: str | None, told: str
) -> None:
    installation = Installation(service, tmp_path)
    arguments: tuple[str, ...] = ()
    if text is not None:
        installation.bags.write_text(text)
        arguments = ("--bags", str(installation.bags))
    answer = installation.run(*arguments)
    assert answer.exit_code == 2
    assert told in " ".join(answer.output.split())


def test_tables_and_api_are_not_configured_together(service: StorageServiceServer, tmp_path: Path) -> None:
    installation = Installation(service, tmp_path)
    with installation.config.open("a") as file:
        file.write('[storage_service.manifests]\ntable = "manifests"\nbucket = "manifests"\n')
    answer = installation.run()
    assert answer.exit_code == 2
    assert "leave one out" in " ".join(answer.output.split())
