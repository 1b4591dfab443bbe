"""One small bag through a real Airflow: how long it takes, and in how many tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rows import Row

from bagfill.demo.airflow_api import AirflowApi, ApiRefused, RunDidNotEnd
from bagfill.demo.bag_maker import BagMaker
from bagfill.demo.content import noise
from bagfill.demo.ministack import MiniStack
from bagfill.demo.programs import StartFailed
from bagfill.demo.scene import BUCKET, DESTINATION, SOURCE, Scene, set_scene
from bagfill.demo.server import NotInstalled
from bagfill.demo.stack import DagsNotLoaded, EmbeddedStack
from bagfill.demo.write import write_bag
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services

_DAG = "backfill_bag"
_RUNS = 3
_NAME = "bag_through_airflow"
_BAG = "5 files, 1 MiB, from the request to the end of the last task"


class RunFailed(RuntimeError):
    """The bag did not arrive, so its time says nothing."""


def airflow_rows(folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Seconds of the second-fastest of three runs, one bag each, and its tasks; one row that says why if it cannot be.

    Args:
        folder: for the stack.
        say: is told what begins.
    """
    scenes: list[Scene] = []

    def environment(stack: EmbeddedStack) -> dict[str, str]:
        scenes.append(set_scene(stack))
        return dict(scenes[0].environment)

    say("one small bag through Airflow: starting PostgreSQL and Airflow")
    try:
        with EmbeddedStack(folder, with_airflow=True, environment=environment) as stack:
            names = _fill(scenes[0], stack.ministack)
            with stack.airflow.api() as api:
                runs = sorted(_run(api, name, say) for name in names)
    except (ApiRefused, DagsNotLoaded, NotInstalled, RunDidNotEnd, RunFailed, StartFailed) as error:
        return [Row(_NAME, None, "s", bag=_BAG, note=f"not measured: {error}".splitlines()[0])]
    seconds, waiting, tasks = runs[len(runs) // 2]
    return [
        Row(_NAME, seconds, "s", bag=_BAG),
        Row(f"{_NAME}_between_tasks", waiting, "s", bag="of these, no task was running"),
        Row(f"{_NAME}_tasks", float(tasks), "tasks", bag="that ran"),
    ]


def _fill(scene: Scene, server: MiniStack) -> list[str]:
    """Put the bags at the source and import them; their external identifiers."""
    settings = load_settings(scene.settings_file, scene.environment)
    source: Location = settings.locations[SOURCE]
    access = S3Access(
        server.endpoint, server.region, access_key_id=server.access_key, secret_access_key=server.secret_key
    )
    store = S3Store(BUCKET, access, location=SOURCE)
    names = [f"small-{number}" for number in range(_RUNS)]
    for number, name in enumerate(names):
        payload = {f"{file}.bin": noise(200 * 1024, 10 * number + file) for file in range(5)}
        write_bag(store, source, BagMaker(BUCKET).make(f"benchmark/{name}", 1, "a small bag", payload))
    store.close()
    with open_services(settings, EnvironmentCredentials(scene.environment)) as services:
        if not import_location(services, SOURCE).is_clean:
            raise RunFailed("the bags were not imported")
    return names


def _run(api: AirflowApi, name: str, say: Callable[[str], None]) -> tuple[float, float, int]:
    """Seconds from the request to the end of the last task, how many of these no task was running, and tasks run."""
    begun = time.time()
    conf = {"space": "benchmark", "external_identifier": name, "destination": DESTINATION}
    run = api.trigger(_DAG, conf, f"bag__{name}")
    state = api.wait_for_run(_DAG, run, within=120)
    tasks = [task for task in api.task_instances(_DAG, run) if task["start_date"] and task["state"] != "skipped"]
    if state != "success" or not any(task["task_id"] == "register" for task in tasks):
        raise RunFailed(f"run {run} ended as {state}")
    spans = sorted((_moment(task["start_date"]), _moment(task["end_date"])) for task in tasks)
    seconds = max(end for _, end in spans) - begun
    say(f"{name}: {seconds:.1f} s, {len(tasks)} tasks")
    return seconds, seconds - _covered(spans), len(tasks)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one span runs; spans ascend by their start."""
    covered, reached = 0.0, 0.0
    for start, end in spans:
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered
