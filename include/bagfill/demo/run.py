"""The demo: bags that exist only in S3 arrive in Azure through a real Airflow, and each is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.judgement import JudgedBag, judge
from bagfill.demo.load import archive
from bagfill.demo.ministack import MiniStack
from bagfill.demo.scene import BUCKET, DESTINATION, SOURCE, Scene, set_scene
from bagfill.demo.stack import EmbeddedStack
from bagfill.demo.waiting import BagRun, start_sweep, wait_for_runs
from bagfill.demo.write import plant, write_bag
from bagfill.reports.coverage import CoverageReport, coverage_report
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services

RESTORE_SECONDS = 8.0
RUNS_WITHIN = 600.0


class DemoFailed(RuntimeError):
    """A step of the demo did not work, so there is nothing to judge."""


class Watcher(Protocol):
    """Is told how the demo goes; called from one thread."""

    def step(self, text: str) -> None:
        """Something begins."""
        ...

    def written(self, done: int, total: int) -> None:
        """So many bytes of the collection are written."""
        ...

    def runs(self, runs: Sequence[BagRun], expected: int) -> None:
        """The runs as they are now, and how many there will be."""
        ...


@dataclass(frozen=True, slots=True)
class Airflow:
    """Where to look while the demo's stack runs."""

    address: str
    user: str
    password: str


@dataclass(frozen=True)
class DemoResult:
    """How the demo ended.

    Args:
        bags: every sample.
        before, after: coverage.
        seconds: of the whole demo up to the judgement.
        scene: where files are.
        airflow: while it runs.
    """

    bags: tuple[JudgedBag, ...]
    before: CoverageReport
    after: CoverageReport
    seconds: float
    scene: Scene
    airflow: Airflow

    @property
    def ok(self) -> bool:
        """Whether every bag ended as it should."""
        return all(not bag.problems for bag in self.bags)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "bags": [bag.to_json() for bag in self.bags],
            "coverage_before": self.before.to_json(),
            "coverage_after": self.after.to_json(),
            "receipts": str(self.scene.receipts),
        }


def run_demo(
    work_dir: Path, watcher: Watcher, *, finished: Callable[[DemoResult], None] = lambda _: None
) -> DemoResult:
    """Run the demo from empty folders to the judgement, and stop everything.

    Args:
        work_dir: folder of its own; what an earlier demo left there is removed first.
        watcher: is told how it goes.
        finished: is called with the result while everything still runs.

    Raises:
        DemoFailed: the import left out a bag.
        SweepStuck: runs did not end.
        Exception: what the stack raises when a part does not start.
    """
    begun = time.monotonic()
    scenes: list[Scene] = []

    def environment(stack: EmbeddedStack) -> dict[str, str]:
        scenes.append(set_scene(stack))
        watcher.step("Starting Airflow (scheduler, triggerer, DAG processor, API server)")
        return dict(scenes[0].environment)

    watcher.step("Starting PostgreSQL, MiniStack (as S3) and Azurite (as Azure Blob storage)")
    with EmbeddedStack(work_dir, with_airflow=True, restore_delay=RESTORE_SECONDS, environment=environment) as stack:
        scene = scenes[0]
        settings = load_settings(scene.settings_file, scene.environment)
        with open_services(settings, EnvironmentCredentials(scene.environment)) as services:
            samples = _fill(services, stack, watcher)
            before = _coverage(services)
            bags = len({sample.id.bag for sample in samples})
            watcher.step(f"Sweeping: Airflow replicates {len(samples)} bag versions of {bags} bags to {DESTINATION}")
            with stack.airflow.api() as api:
                sweep = start_sweep(api, DESTINATION, limit=100)
                wait_for_runs(api, sweep, bags, within=RUNS_WITHIN, seen=lambda runs: watcher.runs(runs, bags))
            watcher.step("Judging: registry, receipts, and both locations against each other")
            airflow = Airflow(stack.airflow.address, stack.airflow.user, stack.airflow.password)
            judged = judge(services, samples, SOURCE, DESTINATION)
            result = DemoResult(judged, before, _coverage(services), time.monotonic() - begun, scene, airflow)
        finished(result)
    return result


def _fill(services: Services, stack: EmbeddedStack, watcher: Watcher) -> tuple[SampleBag, ...]:
    """Write the collection, learn it, archive what shall be archived. Import comes first: it reads tag files."""
    source, destination = services.locations[SOURCE], services.locations[DESTINATION]
    samples = sample_collection(BUCKET, source.prefix)
    total = sum(sample.size for sample in samples)
    watcher.step(f"Writing the sample collection: {len(samples)} bag versions")
    done = 0

    def written(size: int) -> None:
        nonlocal done
        done += size
        watcher.written(done, total)

    store = _writable(stack.ministack, source)
    try:
        for sample in samples:
            write_bag(store, source, sample, progress=written)
    finally:
        store.close()
    for sample in samples:
        plant(services.stores.writing(destination), destination, sample)
    watcher.step(f"Importing the location {SOURCE}")
    imported = import_location(services, SOURCE)
    if not imported.is_clean or imported.found != len(samples):
        left_out = "; ".join(f"{bag.name}: {', '.join(bag.problems)}" for bag in imported.notable)
        raise DemoFailed(f"of {len(samples)} bag versions, {imported.found} were found; left out: {left_out or 'none'}")
    moved = archive(stack.ministack, source, samples)
    watcher.step(f"Archived {moved} objects (GLACIER, DEEP_ARCHIVE); a restore takes {RESTORE_SECONDS:.0f} s here")
    return samples


def _writable(server: MiniStack, location: Location) -> S3Store:
    """The source for whoever fills it; Bagfill itself has no identity that may write there."""
    assert location.provider is Provider.AMAZON_S3  # noqa: S101 - the scene made it
    from bagfill.storage.credentials import S3Access

    access = S3Access(
        endpoint_url=server.endpoint,
        region=server.region,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )
    return S3Store(location.bucket, access, location=location.name)


def _coverage(services: Services) -> CoverageReport:
    policies = [(policy.spaces, policy.locations) for policy in services.policies]
    return coverage_report(services.registry.coverage([SOURCE, DESTINATION]), policies)
