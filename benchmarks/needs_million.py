"""How long it takes to count what needs a person when a million bags failed, and what the API server feels of it.

``python benchmarks/needs_million.py [bags]``, on SQLite and PostgreSQL. Every bag failed once for one reason, but one;
of one in a thousand the second version was never tried, so it has to be judged by itself. Counted in a process of its
own, whose peak memory is told beside the longest time for which another thread got no turn. Then the bag that failed
for another reason is looked for, and a twentieth of the bags is gone through one by one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert, text

from bagfill.database.engine import open_database, writing
from bagfill.database.migrate import upgrade
from bagfill.database.tables import BAG_VERSIONS, INGEST_EVENTS, INGESTS
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.supervisor import Supervisor
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason

_ROWS_AT_ONCE = 20_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def main(bags: int = 1_000_000) -> None:
    """Print one line a measurement."""
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        server = PostgreSQL(Path(folder))
        supervisor.start(server.program())
        for url in (server.create_database("needs"), f"sqlite:///{folder}/registry.sqlite"):
            engine = open_database(url)
            upgrade(engine)
            name = engine.dialect.name
            begun = time.monotonic()
            fill(engine, bags)
            print(f"{name}: {bags} failures written in {time.monotonic() - begun:.0f} s", flush=True)
            for way in ("counted", "rare", "gone-through"):
                _told(name, way, _alone(url, way, bags))
            engine.dispose()


def fill(engine: Engine, bags: int) -> None:
    """Bags that failed for good at ``azure``, with the event that says so."""
    for numbers in _batches(iter(range(bags)), _ROWS_AT_ONCE):
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), [row for number in numbers for row in _versions(number)])
            connection.execute(insert(INGESTS), [_ingest(number) for number in numbers])
            connection.execute(insert(INGEST_EVENTS), [_event(number) for number in numbers])
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))


def _versions(number: int) -> Iterator[dict[str, Any]]:
    for version in (1, 2) if number % 1000 == 0 else (1,):
        digest = f"{number:063x}{version}"
        amounts = {"files": 300, "bytes": 230_000_000, "added": _BEGAN}
        yield {**_name(number), "version": version, "pointer": digest, "sha256": digest, **amounts}


def _name(number: int) -> dict[str, str]:
    return {"space": ("born-digital", "digitised", "miro")[number % 3], "external_identifier": f"b{number:08d}"}


def _ingest(number: int) -> dict[str, Any]:
    reason = Reason.NAME_REFUSED if number == 1 else Reason.SOURCE_CORRUPT
    return {
        "number": number + 1,
        "id": UUID(int=number),
        **_name(number),
        "version": 1,
        "source": "primary",
        "destination": "azure",
        "status": IngestStatus.FAILED.value,
        "created": _BEGAN + timedelta(seconds=number),
        "request_id": f"bag__{number}",
        "reason": reason.code,
    }


def _event(number: int) -> dict[str, Any]:
    created = _BEGAN + timedelta(seconds=number + 60)
    return {"ingest_number": number + 1, "position": 0, "description": "Copying failed", "created": created}


def _alone(url: str, way: str, bags: int) -> dict[str, Any]:
    """What one way of counting takes in another process."""
    command = [sys.executable, __file__, "--count", way, str(bags)]
    done = subprocess.run(command, input=url, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def count(url: str, way: str, bags: int) -> dict[str, Any]:
    """The part that runs in a process of its own."""
    import resource

    from bagfill.audit.memory import MemoryAuditLog
    from bagfill.ingests.sql import SqlIngestTracker
    from bagfill.ingests.sql_failed_bags import SqlFailedBags
    from bagfill.ingests.sql_releases import SqlReleases
    from bagfill.registry.manifest_store import ManifestStore
    from bagfill.registry.sql import SqlRegistry
    from bagfill.steps.failure_counts import failure_lines
    from bagfill.steps.failures_list import needing_a_person, needing_for_reason
    from bagfill.steps.records import RecordStore
    from bagfill.steps.services import Policy, Services
    from bagfill.storage.location import Location, Provider
    from bagfill.storage.memory import MemoryStore

    engine = open_database(url)
    registry = SqlRegistry(engine, ManifestStore(MemoryStore()))
    records = RecordStore(MemoryStore())
    services = Services(
        locations={"azure": Location("azure", Provider.AZURE_BLOB_STORAGE, "container", writable=True)},
        registry=_WithoutManifests(registry),
        ingests=SqlIngestTracker(engine),
        audits=MemoryAuditLog(registry),
        stores=None,  # type: ignore[arg-type]  # nothing is opened to count
        work=records,
        receipts=records,
        policies=(Policy((), ("azure",)),),
        releases=SqlReleases(engine),
        failed=SqlFailedBags(engine),
    )
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    with _longest_wait() as waits:
        if way == "counted":
            found = sum(line.bags for line in failure_lines(services))
        elif way == "rare":
            found = sum(1 for _ in needing_for_reason(services, Reason.NAME_REFUSED, "azure"))
        else:
            found = sum(1 for _ in islice(needing_a_person(services), bags // 20))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "found": found,
        "seconds": time.monotonic() - begun,
        "cpu": usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime,
        "grown": (usage.ru_maxrss - before.ru_maxrss) * 1024,
        "wait": max(waits),
    }


class _WithoutManifests:
    """Rows were written without manifests: no version fetches from another."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def manifest(self, _bag_version: Any) -> None:
        return None


@contextmanager
def _longest_wait() -> Iterator[list[float]]:
    """How long another thread, such as that of the event loop, waits for its turn."""
    waits, over = [0.0], threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not over.wait(0.001):
            now = time.perf_counter()
            waits.append(now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def _told(name: str, way: str, found: dict[str, Any]) -> None:
    print(
        f"{name}: {way}: {found['found']} bags in {found['seconds']:.1f} s, {found['cpu']:.1f} CPU-s of this process, "
        f"{found['grown'] / 2**20:.0f} MiB more memory, another thread waits {1000 * found['wait']:.0f} ms at most",
        flush=True,
    )


def _batches(items: Iterator[int], size: int) -> Iterator[list[int]]:
    while batch := list(islice(items, size)):
        yield batch


if __name__ == "__main__":
    if sys.argv[1:2] == ["--count"]:
        print(json.dumps(count(sys.stdin.read(), sys.argv[2], int(sys.argv[3]))))
    else:
        main(*map(int, sys.argv[1:]))
