"""How long `bagfill plan` takes for a registry of a million bag versions, and how much memory.

``python benchmarks/plan_million.py [bag versions]``: on SQLite, with nothing, half and everything replicated, without a
look at storage classes and with the usual sample of a thousand bag versions, whose listings are made up here: a
provider's answers are not in these figures. Each plan runs in a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from sweep_million import fill, replicate

from bagfill.database.engine import open_database
from bagfill.database.migrate import upgrade

_FILES = 300


def main(versions: int = 1_000_000) -> None:
    """Print one line a measurement."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/registry.sqlite"
        engine = open_database(url)
        upgrade(engine)
        fill(engine, versions)
        for share in (0.0, 0.5, 1.0):
            replicate(engine, versions, share)
            for look in ("none", "sample"):
                found = _planned(url, look)
                print(
                    f"{share:.0%} replicated, --look {look}: {found['bag_versions']:,} bag versions planned in "
                    f"{found['seconds']:.1f} s ({found['cpu']:.1f} CPU-s), at most {found['memory'] / 2**20:.0f} MiB"
                )
        engine.dispose()


def _planned(url: str, look: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--plan", look]
    done = subprocess.run(command, input=url, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def plan(url: str, look: str) -> dict[str, Any]:
    """The part that runs in a process of its own."""
    import resource

    from bagfill.audit.memory import MemoryAuditLog
    from bagfill.ingests.memory import MemoryIngestTracker
    from bagfill.registry.manifest_store import ManifestStore
    from bagfill.registry.sql import SqlRegistry
    from bagfill.steps.plan_collection import Look, plan_collection
    from bagfill.steps.plan_scope import PlanScope
    from bagfill.steps.records import RecordStore
    from bagfill.steps.services import Services
    from bagfill.storage.location import Location, Provider
    from bagfill.storage.memory import MemoryStore

    registry = SqlRegistry(open_database(url), ManifestStore(MemoryStore()))
    records = RecordStore(MemoryStore())
    services = Services(
        locations={
            "primary": Location("primary", Provider.AMAZON_S3, "bucket"),
            "azure": Location("azure", Provider.AZURE_BLOB_STORAGE, "container", writable=True),
        },
        registry=registry,
        ingests=MemoryIngestTracker(),
        audits=MemoryAuditLog(registry),
        stores=_MadeUp(),  # type: ignore[arg-type]  # a plan lists, and does nothing else
        work=records,
        receipts=records,
    )
    begun = time.monotonic()
    planned = plan_collection(services, PlanScope(), destination="azure", look=Look(look))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "bag_versions": planned.collection.bag_versions,
        "seconds": time.monotonic() - begun,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
    }


class _MadeUp:
    """A bucket in which every bag version has so many files, a third of them archived."""

    def reading(self, _location: Any) -> Any:
        return self

    def list(self, prefix: str) -> Iterator[Any]:
        from bagfill.storage.store import ArchiveState, ObjectInfo

        for number in range(_FILES):
            cold = number % 3 == 0
            state = ArchiveState.ARCHIVED if cold else ArchiveState.READABLE
            name = "GLACIER" if cold else "STANDARD"
            yield ObjectInfo(f"{prefix}data/{number:06d}.jp2", 766_666, "etag", name, state)

    def __getattr__(self, name: str) -> Any:
        from bagfill.storage.memory import MemoryStore

        return getattr(MemoryStore(), name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plan"]:
        print(json.dumps(plan(sys.stdin.read(), sys.argv[2])))
    else:
        main(*map(int, sys.argv[1:2]))
