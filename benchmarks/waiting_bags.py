"""What waiting costs: many bags with archived files in one triggerer, with the trigger that waits for them.

Run by itself: ``PYTHONPATH=include:plugins .venv/bin/python benchmarks/waiting_bags.py [bags]``; it takes minutes.
Every bag is imported, opened, planned and asked for as a run does it; then one trigger for each waits in this process,
on one event loop, as in a triggerer. The server lists no restores, so each look at a bag asks for each of its archived
objects: AWS needs one listing instead.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from bagfill.demo.bag_maker import BagMaker
from bagfill.demo.content import noise
from bagfill.demo.ministack import MiniStack
from bagfill.demo.write import write_bag
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import plan_replication
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.requests import BackfillRequest
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services

BUCKET = "cold"
FILES = 5
LEAST, LONGEST = 300.0, 900.0
"""Seconds between looks, as they are for tier Standard."""
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
name = "cold"
provider = "amazon-s3"
bucket = "cold"
read_connection = "cold"
[[locations]]
name = "shelf"
provider = "local"
path = "shelf"
writable = true
[[policies]]
locations = ["shelf"]
[limits]
thaw_requests_per_second = 1000.0
looks_per_second = 5000.0
"""


def main(bags: int) -> None:
    """Measure, and print what was found as JSON."""
    with TemporaryDirectory(prefix="waiting-") as name, MiniStack(Path(name), restore_delay=1e6) as server:
        folder = Path(name)
        (folder / "shelf").mkdir()
        (folder / "bagfill.toml").write_text(SETTINGS)
        connection = {
            "conn_type": "aws",
            "login": server.access_key,
            "password": server.secret_key,
            "extra": {"endpoint_url": server.endpoint, "region_name": server.region},
        }
        environ = {"BAGFILL_CONFIG": str(folder / "bagfill.toml"), "AIRFLOW_CONN_COLD": json.dumps(connection)}
        os.environ.update(environ, AIRFLOW_HOME=str(folder / "airflow"))
        refs = _waiting(bags, folder, server, environ)
        print(json.dumps(asyncio.run(_measure(refs, environ)), indent=2))


def _waiting(bags: int, folder: Path, server: MiniStack, environ: dict[str, str]) -> list[IngestRef]:
    """Bags that were asked for and are not readable."""
    access = S3Access(
        server.endpoint, server.region, access_key_id=server.access_key, secret_access_key=server.secret_key
    )
    server.create_bucket(BUCKET)
    settings = load_settings(folder / "bagfill.toml", environ)
    store, place = S3Store(BUCKET, access, location="cold"), settings.locations["cold"]
    keys: list[str] = []
    for number in range(bags):
        payload = {f"{file}.bin": noise(2048, number * FILES + file) for file in range(FILES)}
        bag = BagMaker(BUCKET).make(f"benchmark/waiting-{number}", 1, "waits", payload)
        write_bag(store, place, bag)
        keys += [f"{place.version_prefix(bag.id)}data/{name}" for name in payload]
    _say(f"{bags} bags are written")
    refs: list[IngestRef] = []
    client: Any = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    with open_services(settings, EnvironmentCredentials(environ)) as services:
        import_location(services, "cold")
        for key in keys:
            source = {"Bucket": BUCKET, "Key": key}
            client.copy_object(Bucket=BUCKET, Key=key, CopySource=source, StorageClass="GLACIER")
        _say("they are imported and archived")
        for number in range(bags):
            given = {"space": "benchmark", "external_identifier": f"waiting-{number}", "destination": "shelf"}
            opened = open_ingests(services, BackfillRequest.parse(services, f"bag__{number}", given))
            if not isinstance(opened, OpenedIngests):
                raise SystemExit(f"no figures: {opened.message}")
            for ref in opened.refs:
                for outcome in (plan_replication(services, ref), request_thaw(services, ref)):
                    if isinstance(outcome, StepFailed):
                        raise SystemExit(f"no figures: {outcome.message}")
                refs.append(ref)
    _say("they are asked for")
    return refs


async def _measure(refs: list[IngestRef], environ: dict[str, str]) -> dict[str, Any]:
    from bagfill_airflow import services as airflow_services
    from bagfill_airflow.references import pack_ingests
    from bagfill_airflow.triggers import thaw

    async def opened() -> airflow_services._Opened:
        # As in a triggerer, but for the credentials, which come from the environment.
        manager = open_services(airflow_services.current_settings(), EnvironmentCredentials(environ))
        made = await asyncio.to_thread(manager.__enter__)
        return airflow_services._Opened(manager, made, time.monotonic())  # noqa: SLF001 - the seam that tests use too

    airflow_services._open = opened  # noqa: SLF001 - likewise
    looks, all_looked = [0], asyncio.Event()
    loop = asyncio.get_running_loop()

    def poll(services: Any, ref: IngestRef, **given: Any) -> Any:
        state = poll_thaw(services, ref, **given)
        looks[0] += 1
        if looks[0] == len(refs):
            loop.call_soon_threadsafe(all_looked.set)
        return state

    poll_thaw, thaw.poll_thaw = thaw.poll_thaw, poll
    idle = _resident()

    async def wait(ref: IngestRef) -> None:
        trigger = thaw.ThawTrigger(
            opened=pack_ingests([ref]), places=[0], poll_seconds=LEAST, longest_poll_seconds=LONGEST
        )
        async for event in trigger.run():
            raise SystemExit(f"no figures: a trigger fired: {event.payload}")

    waiting = [asyncio.create_task(wait(ref)) for ref in refs]
    begun, used = time.monotonic(), time.process_time()
    await all_looked.wait()
    first_round = time.monotonic() - begun
    cpu = (time.process_time() - used) / looks[0]
    quiet, used = time.monotonic(), time.process_time()
    await asyncio.sleep(30)
    resting = (time.process_time() - used) / (time.monotonic() - quiet)
    held = _resident()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    hourly = 3600 / LONGEST
    return {
        "bags waiting in one triggerer": len(refs),
        "archived objects of a bag": FILES,
        "seconds of one round of looks at all of them": round(first_round, 1),
        "CPU seconds of one look at one bag": round(cpu, 4),
        f"CPU seconds an hour for 1,000 bags, {hourly:.0f} looks an hour": round(1000 * hourly * cpu, 1),
        "CPU share of the loop between looks": round(resting, 4),
        "worker tasks that waiting holds, or starts, an hour": 0,
        "MiB resident before": idle,
        "MiB resident with all waiting": held,
    }


def _resident() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 2**20


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
