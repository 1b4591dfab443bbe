"""What a task's process loads, by the names of modules: each costs every task of every bag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.steps.import_location import import_location
from bagfill.steps.services import Services
from bagfill.storage.store import Created
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("digitised/b1234")
FILES = bag_files(BAG, {f"{number}.txt": str(number).encode() for number in range(5)})
PROGRAM = """
import json, os, sys
from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

def act(services, step, given):
    if step == "open_ingest":
        from bagfill.steps.open_ingest import open_ingests
        from bagfill.steps.requests import BackfillRequest
        return open_ingests(services, BackfillRequest.parse(services, "bag__x", given)).refs[0].to_json()
    from bagfill.steps.outcomes import IngestRef, ShardRef
    ref = IngestRef.from_json(given)
    if step == "plan_replication":
        from bagfill.steps.plan_replication import plan_replication as run
    elif step == "copy_shard":
        from bagfill.steps.copy_shard import copy_shard as run
    elif step == "verify_shard":
        from bagfill.steps.verify_shard import verify_shard as run
    elif step == "conclude_replica":
        from bagfill.steps.conclude_replica import conclude_replica as run
    else:
        from bagfill.steps.close_ingest import close_ingests
        return [closed.to_json() for closed in close_ingests(services, "bag__x")]
    outcome = run(services, ShardRef(ref, 0) if step.endswith("_shard") else ref)
    return outcome.to_json()

with open_services(load_settings(), EnvironmentCredentials(os.environ)) as services:
    result = act(services, sys.argv[1], json.loads(sys.argv[2]))
print(json.dumps({"result": result, "modules": sorted(sys.modules)}))
"""
STEPS = ("open_ingest", "plan_replication", "copy_shard", "verify_shard", "conclude_replica", "close_ingest")

NEVER = (
    "airflow", "alembic", "azure.identity", "httpx", "matplotlib", "moto", "msal", "pydantic_settings", "rich",
    "tenacity", "typer",
    # Copying and proving small objects needs no audit, no import, no command line and no embedded server.
    "bagfill.cli", "bagfill.demo", "bagfill.reports.digest", "bagfill.reports.standing", "bagfill.database.migrate",
    "bagfill.steps.import_location", "bagfill.steps.audit_replica", "bagfill.steps.validate_bag",
)  # fmt: skip


def test_no_step_of_a_small_bag_loads_what_it_does_not_use(
    open_world: Callable[..., Services], tmp_path: Path, ministack: MiniStack, azurite: Azurite
) -> None:
    services = open_world()
    primary = services.locations["ministack"]
    store = services.stores.writing(primary)
    for path, data in FILES.items():
        assert isinstance(store.create(f"{primary.version_prefix(BAG.version(1))}{path}", data), Created)
    assert import_location(services, "ministack").is_clean
    environment = {**os.environ, **connections(ministack, azurite), "BAGFILL_CONFIG": str(tmp_path / "bagfill.toml")}

    given: Any = {"space": "digitised", "external_identifier": "b1234", "destination": "azurite"}
    loaded: dict[str, set[str]] = {}
    for step in STEPS:
        command = [sys.executable, "-c", PROGRAM, step, json.dumps(given)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        loaded[step] = set(told["modules"])
        given = told["result"] if step == "open_ingest" else given
    assert [replica.location for replica in services.registry.replicas(BAG.version(1))] == ["ministack", "azurite"]

    wrong = {step: found for step, modules in loaded.items() if (found := sorted(modules & set(NEVER)))}
    assert wrong == {}
    # Reading, creating, listing and staging need no provider's package; thaws, and servers that surprise, load one.
    sdks = {"boto3", "botocore", "azure.core", "azure.storage.blob", "requests", "dateutil"}
    assert {step: sorted(modules & sdks) for step, modules in loaded.items()} == {step: [] for step in STEPS}


def connections(ministack: MiniStack, azurite: Azurite) -> dict[str, str]:
    s3 = {
        "conn_type": "aws",
        "login": ministack.access_key,
        "password": ministack.secret_key,
        "extra": {"endpoint_url": ministack.endpoint, "region_name": ministack.region},
    }
    azure = {"conn_type": "wasb", "extra": {"connection_string": azurite.connection_string}}
    return {"AIRFLOW_CONN_MINISTACK": json.dumps(s3), "AIRFLOW_CONN_AZURITE": json.dumps(azure)}
