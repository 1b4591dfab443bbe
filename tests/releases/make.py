"""Writes what a release leaves behind in the middle of its work, for tests of the releases after it.

Run with the code of the release that is to be kept, once, before it is left:

    git worktree add /tmp/release COMMIT
    PYTHONPATH=/tmp/release/include:/tmp/release/plugins .venv/bin/python tests/releases/make.py tests/releases/COMMIT

Of one bag version there is a state after each step (``opened``, ``planned``, ``copied``, ``verified``): the registry as
SQL, the work area, and what tasks handed to each other. The bag lies beside them, once.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

from bagfill.demo.bag_maker import BagMaker
from bagfill.demo.content import noise
from bagfill.demo.ministack import MiniStack
from bagfill.demo.write import write_bag
from bagfill.planning.parcels import Parcel
from bagfill.settings import Settings, load_settings
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.shipments import ShipmentRecords, shipments
from bagfill.steps.sweep_candidates import SweepStart, sweep_candidates
from bagfill.steps.verify_shard import verify_shard
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services

SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[limits]
shard_bytes = "1 MiB"
shard_files = 3
lease = "7 days"
[[locations]]
name = "primary"
provider = "amazon-s3"
bucket = "kept-primary"
read_connection = "s3"
[[locations]]
name = "copy"
provider = "amazon-s3"
bucket = "kept-copy"
read_connection = "s3"
write_connection = "s3"
server_copy = "never"
[[policies]]
locations = ["copy"]
"""
BAG = "digitised/b1"
PARCEL = "digitised/b2"


def main(target: Path) -> None:
    """Make every state."""
    folder = target / "being-made"
    folder.mkdir(parents=True)
    settings = folder / "bagfill.toml"
    settings.write_text(SETTINGS)
    loaded = load_settings(settings, {})
    with MiniStack(folder / "server") as server:
        _make(target, folder, loaded, server)
    shutil.rmtree(folder)


def _make(target: Path, folder: Path, loaded: Settings, server: MiniStack) -> None:
    for bucket in ("kept-primary", "kept-copy"):
        server.create_bucket(bucket)
    extra = {"endpoint_url": server.endpoint, "region_name": server.region}
    connection = {"conn_type": "aws", "login": server.access_key, "password": server.secret_key, "extra": extra}
    credentials = EnvironmentCredentials({"AIRFLOW_CONN_S3": json.dumps(connection)})
    access = credentials.s3("s3")
    with open_services(loaded, credentials) as services:
        _fill(services, S3Store("kept-primary", access, location="primary"), target / "source")
        shipment = _shipment(services)
        given = {"space": "digitised", "external_identifier": "b1", "destination": "copy"}
        opened = open_ingests(services, BackfillRequest.parse(services, "bag__kept", given))
        if not isinstance(opened, OpenedIngests):
            raise SystemExit(str(opened))
        [ref] = opened.refs
        handed: dict[str, Any] = {"ref": ref.to_json(), "shipment": shipment, **_of_airflow(opened.refs)}
        _keep(target, folder, "opened", handed)
        plan = _done(plan_replication(services, ref))
        handed["shards"] = [plan.copy_shards, plan.verify_shards]
        _keep(target, folder, "planned", handed)
        for number in range(plan.copy_shards):
            _done(copy_shard(services, ShardRef(ref, number)))
        _keep(target, folder, "copied", handed)
        for number in range(plan.verify_shards):
            _done(verify_shard(services, ShardRef(ref, number)))
        _keep(target, folder, "verified", handed)


def _fill(services: Services, store: S3Store, kept: Path) -> None:
    place = services.locations["primary"]
    payload = {f"page-{number}.jp2": noise(2_000 + number, number) for number in range(6)}
    maker = BagMaker("kept-primary")
    bags = (maker.make(BAG, 1, "kept", payload), maker.make(PARCEL, 1, "in a parcel", {"page.jp2": noise(1_000, 7)}))
    for bag in bags:
        write_bag(store, place, bag)
    for info in store.list(""):
        path = kept / info.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(store.read(info.key)))
    import_location(services, "primary")


def _shipment(services: Services) -> dict[str, Any]:
    found = [each for each in sweep_candidates(services, destination="copy") if isinstance(each, SweepStart)]
    chosen = [each for each in found if each.bag == PARCEL]
    [packed] = shipments([Parcel(tuple(chosen))])
    written = ShipmentRecords(services.work).write(packed)
    return dict(written.to_json())


def _of_airflow(refs: Any) -> dict[str, Any]:
    """What tasks hand to each other by XCom, and triggers as the triggerer keeps them."""
    from bagfill_airflow.references import pack_ingests
    from bagfill_airflow.triggers.campaign import CampaignTrigger
    from bagfill_airflow.triggers.thaw import ThawTrigger

    opened = pack_ingests(refs)

    async def made() -> list[tuple[str, dict[str, Any]]]:
        thaw = ThawTrigger(opened=opened, places=[0], poll_seconds=30.0, longest_poll_seconds=120.0)
        campaign = CampaignTrigger(ref=refs[0].to_json(), again=None)
        return [thaw.serialize(), campaign.serialize()]

    return {"opened": opened, "triggers": asyncio.run(made())}


def _done(outcome: Any) -> Any:
    if isinstance(outcome, StepFailed):
        raise SystemExit(outcome.message)
    return outcome


def _keep(target: Path, folder: Path, state: str, handed: dict[str, Any]) -> None:
    kept = target / state
    kept.mkdir()
    with sqlite3.connect(folder / "registry.sqlite") as registry:
        (kept / "registry.sql").write_text("\n".join(registry.iterdump()) + "\n")
    for name in ("work", "manifests"):
        shutil.copytree(folder / name, kept / name)
    (kept / "handed.json").write_text(json.dumps(handed, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
