"""What a small bag costs from the sweep to its registration, in a parcel and in a run of its own, through Airflow.

And how many runs a second a sweep starts. ``python benchmarks/parcel_rows.py FOLDER`` measures these alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import peers
from airflow_cpu import cpu_of_trees, idle_rate
from rows import Row

from bagfill.demo.airflow_api import AirflowApi, ApiRefused, RunDidNotEnd
from bagfill.demo.bag_maker import BagMaker
from bagfill.demo.content import noise
from bagfill.demo.programs import StartFailed
from bagfill.demo.scene import BUCKET, DESTINATION, SOURCE, Scene, set_scene
from bagfill.demo.server import NotInstalled
from bagfill.demo.stack import DagsNotLoaded, EmbeddedStack
from bagfill.demo.waiting import BACKFILL, SWEEP, start_sweep
from bagfill.demo.write import write_bag
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services

NAME = "small_bag_parcel"
FILES, FILE_BYTES = 300, 33 * 1024
ALONE, TOGETHER = 4, 30
"""Bags of each way; what does not grow with them, such as the sweep's own task, is shared by so many."""

_STARTS = 400
_PARCELS = "backfill_parcels"
_DAGS = (SWEEP, BACKFILL, _PARCELS)
_COMPONENTS = ("api-server", "dag-processor", "triggerer", "scheduler")
_WITHIN = 900.0


class BagsNotThere(RuntimeError):
    """Not every bag arrived, so what it cost says nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one bag.

    Args:
        cpu: processor seconds of all components of Airflow and its tasks, above what they take when idle.
        slot: seconds in which a task held a worker.
        tasks: that ran.
    """

    cpu: float
    slot: float
    tasks: float


def parcel_rows(folder: Path, say: Callable[[str], None]) -> list[Row]:
    """One row :data:`NAME` and two that explain it; one row that says why if it cannot be measured.

    Args:
        folder: for the stack.
        say: is told what begins.
    """
    scenes: list[Scene] = []

    def environment(stack: EmbeddedStack) -> dict[str, str]:
        scenes.append(set_scene(stack))
        return dict(scenes[0].environment)

    say(f"{ALONE + TOGETHER} small bags through Airflow: starting PostgreSQL and Airflow")
    try:
        with EmbeddedStack(folder, with_airflow=True, environment=environment) as stack:
            scene = scenes[0]
            _fill(scene, stack, {"alone": ALONE, "together": TOGETHER})
            pids = [stack.supervisor.pid(name) for name in _COMPONENTS]
            idle = idle_rate(pids, 10)
            say(f"idle, Airflow takes {idle:.2f} of a processor")
            with stack.airflow.api() as api:
                _set_parcels(scene, 0)
                # The first run of anything finds cold caches: nobody's cost.
                _sweep(api, pids, idle, "alone", 1)
                alone = _sweep(api, pids, idle, "alone", ALONE - 1)
                say(f"in runs of their own: {alone}")
                _set_parcels(scene, 100)
                together = _sweep(api, pids, idle, "together", TOGETHER)
                say(f"in a parcel: {together}")
                started = _starts_a_second(api, scene)
    except (ApiRefused, BagsNotThere, DagsNotLoaded, NotInstalled, RunDidNotEnd, StartFailed) as error:
        return [Row(NAME, None, "CPU s/bag", note=f"not measured: {error}".splitlines()[0])]
    peer = peers.ALONE
    what = f"{FILES} files, {FILES * FILE_BYTES / 1e6:.0f} MB, through Airflow, sweep to registered"
    return [
        Row(NAME, together.cpu, "CPU s/bag", peer, alone.cpu, bag=what),
        Row(f"{NAME}_slot", together.slot, "s/bag", peer, alone.slot, bag="seconds in which a task held a worker"),
        Row(f"{NAME}_tasks", together.tasks, "tasks/bag", peer, alone.tasks, bag="that ran"),
        Row(
            "sweep_starts",
            started,
            "runs/s",
            bag="runs that a sweep starts",
            note="more is better; at least 20 are needed",
        ),
    ]


def _fill(scene: Scene, stack: EmbeddedStack, spaces: dict[str, int]) -> None:
    server, settings = stack.ministack, load_settings(scene.settings_file, scene.environment)
    access = S3Access(
        server.endpoint, server.region, access_key_id=server.access_key, secret_access_key=server.secret_key
    )
    store = S3Store(BUCKET, access, location=SOURCE)
    payload = {f"{file:03d}.bin": noise(FILE_BYTES, file) for file in range(FILES)}
    for space, bags in spaces.items():
        for number in range(bags):
            write_bag(
                store, settings.locations[SOURCE], BagMaker(BUCKET).make(f"{space}/b{number}", 1, "small", payload)
            )
    store.close()
    with open_services(settings, EnvironmentCredentials(scene.environment)) as services:
        if not import_location(services, SOURCE).is_clean:
            raise BagsNotThere("the bags were not imported")


def _set_parcels(scene: Scene, bags: int) -> None:
    lines = scene.settings_file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("parcel_bags")]
    at = kept.index("[limits]") + 1
    scene.settings_file.write_text("\n".join([*kept[:at], f"parcel_bags = {bags}", *kept[at:]]) + "\n")


def _sweep(api: AirflowApi, pids: list[int], idle: float, space: str, bags: int) -> Cost:
    """Sweep so many bags of a space, wait until all has ended, and say what each bag cost."""
    before, begun = cpu_of_trees(pids), time.monotonic()
    known = {(dag, run["dag_run_id"]) for dag in _DAGS for run in api.runs(dag)}
    start_sweep(api, DESTINATION, bags, space=space)
    runs = _until_quiet(api, known)
    cpu = cpu_of_trees(pids) - before - idle * (time.monotonic() - begun)
    tasks = [task for dag, run in runs for task in api.task_instances(dag, run) if task["start_date"]]
    registered = sum(_registered(api, dag, run) for dag, run in runs)
    if registered != bags:
        raise BagsNotThere(f"of {bags} bags, {registered} were registered")
    slot = sum(_moment(task["end_date"]) - _moment(task["start_date"]) for task in tasks)
    return Cost(cpu / bags, slot / bags, len(tasks) / bags)


def _until_quiet(api: AirflowApi, known: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """New runs, once the sweep and all that it started are over."""
    deadline = time.monotonic() + _WITHIN
    while True:
        states = {(dag, run["dag_run_id"]): run["state"] for dag in _DAGS for run in api.runs(dag)}
        new = {run: state for run, state in states.items() if run not in known}
        if len(new) > 1 and set(new.values()) <= {"success", "failed"}:
            return list(new)
        if time.monotonic() > deadline:
            raise BagsNotThere(f"after {_WITHIN:.0f} s these runs are not over: {new}")
        time.sleep(1)


def _starts_a_second(api: AirflowApi, scene: Scene) -> float:
    """Runs of single bags, started by one sweep, by the time that its task took."""
    _set_parcels(scene, 0)
    settings = load_settings(scene.settings_file, scene.environment)
    with open_services(settings, EnvironmentCredentials(scene.environment)) as services:
        for number in range(_STARTS):
            manifest = parse_storage_manifest(json.dumps(_manifest(number)).encode())
            services.registry.add_bag_version(manifest, locations=[SOURCE])
    # Nothing of these bags exists: their runs wait for ever, and nobody measures them.
    api.request("PATCH", f"/api/v2/dags/{BACKFILL}", params={"update_mask": "is_paused"}, json={"is_paused": True})
    run = start_sweep(api, DESTINATION, _STARTS, space="started")
    state = api.wait_for_run(SWEEP, run)
    counts = api.xcom(SWEEP, run, "sweep") if state == "success" else {}
    # A start whose answer was lost is asked for again, and is there already.
    if counts.get("runs", 0) + counts.get("there_already", 0) != _STARTS:
        raise BagsNotThere(f"of {_STARTS} runs, the sweep started {counts.get('runs', 0)}")
    [task] = api.task_instances(SWEEP, run)
    return _STARTS / (_moment(task["end_date"]) - _moment(task["start_date"]))


def _manifest(number: int) -> dict[str, Any]:
    name = f"b{number:06d}"
    one = {"checksumAlgorithm": {"type": "SHA256"}, "files": [_file("data/a.txt")]}
    return {
        "space": "started",
        "info": {
            "externalIdentifier": name,
            "payloadOxum": {"payloadBytes": 1, "numberOfPayloadFiles": 1},
            "baggingDate": "2020-09-01",
        },
        "version": 1,
        "manifest": one,
        "tagManifest": {**one, "files": [_file("bagit.txt")]},
        "location": {
            "prefix": {"bucket": BUCKET, "keyPrefix": f"started/{name}"},
            "type": "PrimaryS3StorageLocation",
        },
        "replicaLocations": [],
        "createdDate": "2020-09-01T12:00:00Z",
        "ingestId": str(UUID(int=number)),
    }


def _file(name: str) -> dict[str, Any]:
    return {"checksum": "ab" * 32, "name": name, "path": f"v1/{name}", "size": 1}


def _registered(api: AirflowApi, dag: str, run: str) -> int:
    if dag == _PARCELS:
        mapped = [t["map_index"] for t in api.task_instances(dag, run) if t["task_id"] == "parcel"]
        return sum(api.xcom(dag, run, "parcel", map_index=index).get("registered", 0) for index in mapped)
    return int(api.xcom(dag, run, "register")["registered"]) if dag == BACKFILL else 0


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    print(parcel_rows(Path(sys.argv[1]), print))
