"""``bagfill import --service`` learns what is in the service's table, and says what it could not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bagfill.cli.app import app
from bagfill.demo.ministack import MiniStack
from service_world import service_world

pytestmark = pytest.mark.servers


def run(*arguments: str, environment: dict[str, str]) -> Any:
    return CliRunner().invoke(app, ["import", *arguments], env=environment, catch_exceptions=False)


def test_it_learns_follows_and_tells(ministack: MiniStack, tmp_path: Path) -> None:
    with service_world(ministack.endpoint, tmp_path, bag_versions=4) as world:
        aws = {"conn_type": "aws", "login": "test", "password": "test"}
        extra = {"endpoint_url": ministack.endpoint, "region_name": ministack.region}
        environment = {"AIRFLOW_CONN_AWS": json.dumps({**aws, "extra": extra})}
        config = ("--config", str(tmp_path / "bagfill.toml"))
        answer = run("--service", *config, environment=environment)
        assert (answer.exit_code, "4 bag versions: 4 imported" in answer.output) == (0, True)
        world.setting.table(world.setting.manifests_table).put_item(
            Item={"id": "digitised/odd", "version": 1, "payload": {"elsewhere": "x"}}
        )
        answer = run("--service", "--json", *config, environment=environment)
        counts = json.loads(answer.stdout)["counts"]
        assert (answer.exit_code, counts["already known"], counts["not sound"]) == (1, 4, 1)


@pytest.mark.parametrize("arguments", [(), ("primary", "--service")])
def test_one_or_the_other(ministack: MiniStack, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    answer = run(*arguments, "--config", str(tmp_path / "none.toml"), environment={})
    assert answer.exit_code == 2
    assert "name one location, or say --service" in answer.output
