"""The demo beside a storage service: bags of its two locations arrive at a third, and it shows every one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bagfill.demo.airflow_api import AirflowApi
from bagfill.demo.run import Airflow, DemoFailed
from bagfill.demo.scene import DESTINATION, Scene
from bagfill.demo.service_scene import CONTAINER, LOCATIONS, set_service_scene
from bagfill.demo.stack import EmbeddedStack
from bagfill.demo.storage_service.collection import ServiceBag, put_collection, service_collection
from bagfill.demo.storage_service.comparison import ServiceState, bag_version_of, problems
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.demo.waiting import SWEEP, start_sweep
from bagfill.settings import load_settings
from bagfill.steps.import_service import import_service
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

BAG_VERSIONS = 40
ADDED = {
    "prefix": {"container": CONTAINER, "namePrefix": "{bag}"},
    "type": "SecondaryAzureStorageLocation",
}
"""The element that each manifest gains."""
_PARCELS = "backfill_parcels"
_ENDED = frozenset({"success", "failed"})
_WITHIN = 600.0
_SHOWN_WITHIN = 300.0


class ServiceWatcher(Protocol):
    """Is told how the demo goes; called from one thread."""

    def step(self, text: str) -> None:
        """Something begins."""
        ...

    def counted(self, what: str, done: int, total: int) -> None:
        """So many of them are done."""
        ...


@dataclass(frozen=True, slots=True)
class ShownBag:
    """One bag version, as the service shows it now.

    Args:
        bag_version: which.
        status: of its ingest there; empty: there is none.
        events: how many that ingest has.
        locations: in its storage manifest.
    """

    bag_version: str
    status: str
    events: int
    locations: int


@dataclass(frozen=True)
class ServiceResult:
    """How the demo ended.

    Args:
        bags: every bag version.
        problems: what is not as it should be.
        seconds: up to the judgement.
        scene: where files are.
        airflow: while it runs.
        service: base of the service's public API, while it runs.
    """

    bags: tuple[ShownBag, ...]
    problems: tuple[str, ...]
    seconds: float
    scene: Scene
    airflow: Airflow
    service: str

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        bags = [{name: getattr(bag, name) for name in bag.__slots__} for bag in self.bags]
        return {"ok": self.ok, "seconds": round(self.seconds, 1), "bags": bags, "problems": list(self.problems)}


def run_service_demo(
    work_dir: Path,
    watcher: ServiceWatcher,
    *,
    finished: Callable[[ServiceResult], None] = lambda _: None,
    bag_versions: int = BAG_VERSIONS,
) -> ServiceResult:
    """Run the demo from empty folders to the judgement, and stop everything.

    Args:
        work_dir: folder of its own; what an earlier demo left there is removed first.
        watcher: is told how it goes.
        finished: is called with the result while everything still runs.
        bag_versions: of the service; an even number.

    Raises:
        DemoFailed: the service's bags could not be learnt, or the runs did not end.
        Exception: what the stack raises when a part does not start.
    """
    begun = time.monotonic()
    with ExitStack() as parts:
        scenes: list[tuple[Scene, StorageServiceServer]] = []

        def environment(stack: EmbeddedStack) -> dict[str, str]:
            watcher.step("Starting the stand-in for the storage service (tracker, worker, bags API)")
            setting = ServiceSetting(stack.ministack.endpoint, "demo", ingest_types=("create", "update", "replicate"))
            service = parts.enter_context(StorageServiceServer(stack.work_dir / "service", setting))
            scenes.append((set_service_scene(stack, service), service))
            watcher.step("Starting Airflow (scheduler, triggerer, DAG processor, API server)")
            return dict(scenes[0][0].environment)

        watcher.step("Starting PostgreSQL, MiniStack (S3, DynamoDB, SNS, SQS) and Azurite (Azure Blob storage)")
        stack = parts.enter_context(EmbeddedStack(work_dir, with_airflow=True, environment=environment))
        scene, service = scenes[0]
        settings = load_settings(scene.settings_file, scene.environment)
        with open_services(settings, EnvironmentCredentials(scene.environment)) as services:
            bags = fill_service(service, bag_versions, watcher)
            before = ServiceState.read(service.setting)
            learn_service(services, bag_versions, watcher)
            watcher.step(f"Sweeping: Airflow replicates {bag_versions} bag versions to {DESTINATION}, in parcels")
            with stack.airflow.api() as api:
                sweep_service(api, services, bags, watcher)
            watcher.step("Judging: every row, every JSON, the aggregator's records, and each ingest in the service")
            found, shown = judge_service(services, service, before)
            airflow = Airflow(stack.airflow.address, stack.airflow.user, stack.airflow.password)
            result = ServiceResult(shown, found, time.monotonic() - begun, scene, airflow, service.api)
        finished(result)
    return result


def fill_service(service: StorageServiceServer, bag_versions: int, watcher: ServiceWatcher) -> Sequence[ServiceBag]:
    """Give the service its bags."""
    watcher.step(f"Filling the service: {bag_versions} bag versions in mixed spellings, at two locations")
    bags = list(service_collection(LOCATIONS.primary, bag_versions))
    done = 0

    def put(count: int) -> None:
        nonlocal done
        done += count
        watcher.counted("bag versions written", done, bag_versions)

    put_collection(service.setting, bags, LOCATIONS, put=put)
    return bags


def learn_service(services: Services, bag_versions: int, watcher: ServiceWatcher) -> None:
    """Learn them from the service's table. Raises DemoFailed."""
    watcher.step("Learning the bags from the service's own table")
    assert services.beside is not None  # noqa: S101 - the settings name it
    imported = import_service(services, services.beside)
    if not imported.is_clean or imported.rows != bag_versions:
        raise DemoFailed(f"of {bag_versions} bag versions {imported.rows} were found: {imported.notable}")


def sweep_service(api: AirflowApi, services: Services, bags: Sequence[ServiceBag], watcher: ServiceWatcher) -> None:
    """Sweep, and wait for the parcels. Raises DemoFailed."""
    sweep = start_sweep(api, DESTINATION, limit=len(bags))
    deadline = time.monotonic() + _WITHIN
    while True:
        there = sum(row.present_bag_versions for row in services.registry.coverage([DESTINATION]))
        watcher.counted("bag versions registered", there, len(bags))
        # The sweep first: what it starts is there before it ends.
        swept = api.run_state(SWEEP, sweep) in _ENDED
        if swept and all(run["state"] in _ENDED for run in api.runs(_PARCELS)):
            return
        if time.monotonic() > deadline:
            raise DemoFailed(f"after {_WITHIN:.0f} s {there} of {len(bags)} bag versions are registered")
        time.sleep(0.5)


def judge_service(
    services: Services, service: StorageServiceServer, before: ServiceState
) -> tuple[tuple[str, ...], tuple[ShownBag, ...]]:
    """Compare the service with what it was, and look for each bag version among its ingests."""
    deadline = time.monotonic() + _SHOWN_WITHIN
    while services.post.counts().pending and time.monotonic() < deadline:
        # A service that was too slow to answer, on a busy machine, is left in peace for minutes otherwise.
        services.post.try_again()
        services.post.send(10)
    after = ServiceState.read(service.setting)
    ingests = _settled(service, len(after.rows))
    found = tuple(problems(service.setting, before, after, ADDED, ingests, DESTINATION))
    shown = {bag_version_of(ingest): ingest for ingest in ingests}
    bags = []
    for (bag, number), text in sorted(after.texts.items()):
        ingest = shown.get(f"{bag}/v{number}")
        status = "" if ingest is None else str(ingest["status"]["id"])
        events = 0 if ingest is None else len(ingest["events"])
        bags.append(ShownBag(f"{bag}/v{number}", status, events, text.count(b"StorageLocation")))
    return found, tuple(bags)


def _settled(service: StorageServiceServer, expected: int) -> Sequence[dict[str, Any]]:
    """The service's ingests once all messages have passed its queue and worker."""
    deadline = time.monotonic() + _SHOWN_WITHIN
    last = -1
    while True:
        ingests = service.ingests()
        ended = sum(each["status"]["id"] in {"succeeded", "failed"} for each in ingests)
        events = sum(len(each["events"]) for each in ingests)
        if (ended == expected and events == last) or time.monotonic() > deadline:
            return ingests
        last = events
        time.sleep(0.5)
