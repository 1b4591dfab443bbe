"""What each step costs for a bag of very many files: seconds, CPU, and peak memory, each in a process of its own.

python benchmarks/million_files.py [FILES …]        (100,000 and 1,000,000, if nothing is said)

The bag is generated (see ``generated_bag.py``): no disk and no network, but for what Bagfill itself keeps in a
folder. A task handles one shard in production; here one process handles all shards of a kind, one after the other.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from apart import Cost, cost_of, for_each_number, print_own_cost
from generated_bag import BAG, GeneratedBag, GeneratedStore
from rows import Row

from bagfill.audit.model import AuditMode, AuditOutcome
from bagfill.collector import collect_seldom
from bagfill.settings import load_settings
from bagfill.steps.audit import audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.verify_shard import verify_shard
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectStore
from bagfill.wiring import open_services

Result = TypeVar("Result")

STEPS = ("import", "open", "plan", "copy", "verify", "conclude", "audit", "audit again")
"""The first audit learns what the objects are, which the second reads."""

_SETTINGS = """\
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
bucket = "primary"
read_connection = "none"
[[locations]]
name = "copy"
provider = "amazon-s3"
bucket = "copy"
read_connection = "none"
write_connection = "none"
[[policies]]
spaces = []
locations = ["primary"]
"""


class StepWentWrong(RuntimeError):
    """A step did not do its work: its figures say nothing."""


def measure(files: int, say: Callable[[object], None] = lambda _: None) -> list[Cost]:
    """Every step of one bag. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="bagfill-million-") as folder:
        costs = []
        for step in STEPS:
            costs.append(cost_of(step, files, [sys.executable, __file__, "--step", step, str(files), folder]))
            say(costs[-1])
        return costs


def million_rows(say: Callable[[object], None] = lambda _: None) -> list[Row]:
    """Highest memory of planning or concluding a million files, and how the cost grows."""
    small, large = measure(100_000, say), measure(1_000_000, say)
    peak = max(cost.peak for cost in large if cost.what in {"plan", "conclude"}) / 1e6
    growth = sum(cost.cpu for cost in large) / sum(cost.cpu for cost in small)
    return [
        Row("million_files_memory", peak, "MB"),
        Row("million_files_growth", growth, "times the CPU of 100,000 files"),
    ]


@dataclass(frozen=True)
class _GeneratedStores:
    stores: Mapping[str, ObjectStore]

    def reading(self, location: Location) -> ObjectStore:
        return self.stores[location.name]

    def writing(self, location: Location) -> ObjectStore:
        return self.stores[location.name]

    def server_copy(self, source: Location, destination: Location) -> None:
        """There is none."""


@contextmanager
def opened(files: int, folder: Path) -> Iterator[Services]:
    """The services of one bag, whose records lie in a folder."""
    settings = folder / "bagfill.toml"
    if not settings.exists():
        settings.write_text(_SETTINGS)
    bag = GeneratedBag(files, folder)
    stores: dict[str, ObjectStore] = {
        "primary": GeneratedStore(bag, "primary", None),
        "copy": GeneratedStore(bag, "copy", folder / "created"),
    }
    with open_services(load_settings(settings, {}), EnvironmentCredentials({})) as services:
        yield replace(services, stores=_GeneratedStores(stores))


def run_step(step: str, files: int, folder: Path) -> None:
    """One step in this process; its figures go to standard output. Raises StepWentWrong."""
    collect_seldom()
    with opened(files, folder) as services:
        begun = time.monotonic()
        act(step, services, folder)
        seconds = time.monotonic() - begun
    print_own_cost(seconds)


def act(step: str, services: Services, folder: Path) -> None:
    """One step. Raises StepWentWrong."""
    kept = folder / "state.json"
    state: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    match step:
        case "import":
            result = import_location(services, "primary")
            if not result.is_clean or not result.found:
                raise StepWentWrong(f"import: {result.to_json()}")
        case "open":
            fields = {"space": "digitised", "external_identifier": BAG.partition("/")[2], "destination": "copy"}
            (ref,) = open_ingests(services, BackfillRequest.parse(services, "bag__million", fields)).refs
            state["ref"] = ref.to_json()
        case "plan":
            plan = _done(plan_replication(services, IngestRef.from_json(state["ref"])))
            state["plan"] = plan.to_json()
        case "copy" | "verify":
            planned = PlanSummary.from_json(state["plan"])
            shards = planned.copy_shards if step == "copy" else planned.verify_shards
            work = copy_shard if step == "copy" else verify_shard
            for index in range(shards):
                _done(work(services, ShardRef(planned.ingest, index)))
        case "conclude":
            _done(conclude_replica(services, IngestRef.from_json(state["ref"])))
        case _:
            audited = audit(services, AuditRequest(step, "primary", AuditMode.READ))
            if audited.outcome is not AuditOutcome.GOOD or not audited.events:
                raise StepWentWrong(f"{step}: {audited.to_json()}")
    kept.write_text(json.dumps(state))


def _done(result: Result | StepFailed) -> Result:
    if isinstance(result, StepFailed):
        raise StepWentWrong(result.text)
    return result


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        run_step(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        for_each_number(measure)
