"""How long a sweep of a registry of a million bag versions takes, and how much memory.

``python benchmarks/sweep_million.py [bag versions]``: on SQLite and on PostgreSQL, with nothing, nine tenths and
everything replicated. The sweep runs in a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text

from bagfill.database.engine import open_database, writing
from bagfill.database.migrate import upgrade
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.supervisor import Supervisor

_ROWS_AT_ONCE = 20_000
_SPACES = ("born-digital", "digitised", "miro")
_ADDED = datetime(2020, 9, 1, tzinfo=UTC)


def main(versions: int = 1_000_000) -> None:
    """Print one line a measurement."""
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        server = PostgreSQL(Path(folder))
        supervisor.start(server.program())
        for url in (f"sqlite:///{folder}/registry.sqlite", server.create_database("million")):
            measure(url, versions)


def measure(url: str, versions: int) -> None:
    engine = open_database(url)
    upgrade(engine)
    name = engine.dialect.name
    begun = time.monotonic()
    fill(engine, versions)
    print(f"{name}: {versions} bag versions written in {time.monotonic() - begun:.0f} s")
    for share in (0.0, 0.9, 1.0):
        replicate(engine, versions, share)
        found = swept(url)
        print(
            f"{name}: {share:.0%} replicated: {found['bags']} bags in {found['parcels']} parcels and {found['alone']} "
            f"alone, found in {found['seconds']:.1f} s ({found['first']:.2f} s to the first), "
            f"{found['cpu']:.1f} CPU-s, at most {found['memory'] / 2**20:.0f} MiB"
        )
    engine.dispose()


def fill(engine: Engine, versions: int) -> None:
    """Bag versions that lie at ``primary`` alone: of four bags, one has two versions."""
    for rows in _batches(_bag_versions(versions)):
        keys = ("space", "external_identifier", "version")
        replicas = [{**{key: row[key] for key in keys}, "location": "primary", "registered": _ADDED} for row in rows]
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), rows)
            connection.execute(insert(REPLICAS), replicas)
    _analyse(engine)


def replicate(engine: Engine, versions: int, share: float) -> None:
    """Have the first part of the bag versions registered at ``azure`` too, by their external identifier."""
    below = f"b{int(versions * 0.8 * share):08d}"
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO replicas (space, external_identifier, version, location, registered) "
                "SELECT space, external_identifier, version, 'azure', registered "
                "FROM replicas AS there WHERE location = 'primary' "
                "AND external_identifier < :below AND NOT EXISTS (SELECT 1 FROM replicas AS known "
                "WHERE known.location = 'azure' AND known.space = there.space "
                "AND known.external_identifier = there.external_identifier AND known.version = there.version)"
            ),
            {"below": below},
        )
    _analyse(engine)


def swept(url: str) -> dict[str, Any]:
    """Find and pack everything that is missing at ``azure``, in another process."""
    command = [sys.executable, __file__, "--sweep"]
    done = subprocess.run(command, input=url, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sweep(url: str) -> dict[str, Any]:
    """The part that runs in a process of its own."""
    import resource

    from bagfill.audit.memory import MemoryAuditLog
    from bagfill.ingests.sql import SqlIngestTracker
    from bagfill.planning.parcels import Parcel, pack
    from bagfill.registry.manifest_store import ManifestStore
    from bagfill.registry.sql import SqlRegistry
    from bagfill.steps.records import RecordStore
    from bagfill.steps.services import Policy, Services
    from bagfill.steps.shipments import shipments
    from bagfill.steps.sweep import LeftAlone, starts_among
    from bagfill.steps.sweep_candidates import SweepStart, sweep_candidates
    from bagfill.storage.location import Location, Provider
    from bagfill.storage.memory import MemoryStore

    engine = open_database(url)
    registry = SqlRegistry(engine, ManifestStore(MemoryStore()))
    records = RecordStore(MemoryStore())
    services = Services(
        locations={"azure": Location("azure", Provider.AZURE_BLOB_STORAGE, "container", writable=True)},
        registry=registry,
        ingests=SqlIngestTracker(engine),
        audits=MemoryAuditLog(registry),
        stores=None,  # type: ignore[arg-type]  # a sweep opens no location
        work=records,
        receipts=records,
        policies=(Policy((), ("azure",)),),
    )
    begun, first = time.monotonic(), 0.0
    counts = {"bags": 0, "parcels": 0, "alone": 0}
    starts = starts_among(sweep_candidates(services), LeftAlone(), 10**9)
    for each in shipments(pack(starts, services.limits)):
        first = first or time.monotonic() - begun
        if isinstance(each, SweepStart):
            counts["alone"] += 1
            counts["bags"] += 1
            continue
        counts["parcels"] += len(each)
        counts["bags"] += sum(len(parcel.bags) for parcel in each if isinstance(parcel, Parcel))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds, cpu = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    return {**counts, "seconds": seconds, "first": first, "cpu": cpu, "memory": usage.ru_maxrss * 1024}


def _bag_versions(versions: int) -> Iterator[dict[str, Any]]:
    bags = int(versions * 0.8)
    for number in range(versions):
        bag, version = (number, 1) if number < bags else ((number - bags) * 4, 2)
        yield {
            "space": _SPACES[bag % len(_SPACES)],
            "external_identifier": f"b{bag:08d}",
            "version": version,
            "pointer": f"{number:064x}",
            "sha256": f"{number:064x}",
            "files": 300,
            # One in a thousand is large.
            "bytes": 230_000_000 if bag % 1000 else 20_000_000_000,
            "added": _ADDED,
        }


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield batch


def _analyse(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))


if __name__ == "__main__":
    if sys.argv[1:] == ["--sweep"]:
        print(json.dumps(sweep(sys.stdin.read())))
    else:
        main(*map(int, sys.argv[1:2]))
