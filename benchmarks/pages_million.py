"""How long the pages take with a registry of a million bag versions.

``python benchmarks/pages_million.py [bag versions]``: on SQLite and on PostgreSQL, with nine tenths replicated and with
a failed ingest for each of the others. Prints what makes each page, without HTTP: median and longest of nine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert
from sweep_million import fill, replicate

from bagfill.audit.sql import SqlAuditLog
from bagfill.bag.identifiers import BagId
from bagfill.database.engine import open_database, writing
from bagfill.database.migrate import upgrade
from bagfill.database.tables import INGESTS
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.supervisor import Supervisor
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.tracker import IngestFilter
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.sql import SqlRegistry
from bagfill.reports.bag_view import bag_view
from bagfill.reports.missing import missing_page
from bagfill.storage.memory import MemoryStore

_TIMES = 9
_PLACES = ("azure", "primary")


def main(versions: int = 1_000_000) -> None:
    """Print one line a page."""
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        server = PostgreSQL(Path(folder))
        supervisor.start(server.program())
        for url in (f"sqlite:///{folder}/registry.sqlite", server.create_database("pages")):
            measure(url, versions)


def measure(url: str, versions: int) -> None:
    engine = open_database(url)
    upgrade(engine)
    name = engine.dialect.name
    registry = SqlRegistry(engine, ManifestStore(MemoryStore(), "manifests/"))
    ingests, audits = SqlIngestTracker(engine), SqlAuditLog(engine)
    fill(engine, versions)
    replicate(engine, versions, 0.9)
    failures = fail(engine, registry)
    begun = time.monotonic()
    registry.recount()
    print(f"{name}: {versions} bag versions, {failures} failures; counted anew in {time.monotonic() - begun:.1f} s")
    first = missing_page(registry, ingests, "azure", space="digitised")
    middle = BagId.parse(f"digitised/b{int(versions * 0.76):08d}")
    asked = IngestFilter(IngestStatus.FAILED, "azure", reason=Reason.SOURCE_CORRUPT)
    rare = IngestFilter(IngestStatus.FAILED, "azure", reason=Reason.NAME_REFUSED)
    shown = ingests.page(asked, limit=50)
    some = next(iter(registry.bag_versions(space="digitised"))).bag
    pages: dict[str, Callable[[], Any]] = {
        "coverage": lambda: registry.coverage(_PLACES),
        "what is missing, first page": lambda: missing_page(registry, ingests, "azure", space="digitised"),
        "what is missing, next page": lambda: missing_page(
            registry, ingests, "azure", space="digitised", after=first.after
        ),
        "one bag": lambda: bag_view(registry, ingests, audits, _PLACES, some),
        "an unknown bag": lambda: bag_view(registry, ingests, audits, _PLACES, middle),
        "failures of one reason, first page": lambda: ingests.page(asked, limit=50),
        "failures of one reason, next page": lambda: ingests.page(asked, before=shown[-1], limit=50),
        "failures of a reason that is rare": lambda: ingests.page(rare, limit=50),
        "a campaign": lambda: ingests.tally("million"),
    }
    for page, make in pages.items():
        took = sorted(_seconds(make) for _ in range(_TIMES))
        print(f"{name}: {page}: median {1000 * statistics.median(took):.0f} ms, longest {1000 * took[-1]:.0f} ms")
    engine.dispose()


def fail(engine: Engine, registry: SqlRegistry) -> int:
    """One failed ingest, of a campaign, for each bag version that is missing at ``azure``."""
    count, rows = 0, list[dict[str, Any]]()
    for each in registry.missing("azure"):
        count += 1
        rows.append(
            {
                "id": UUID(int=count),
                "space": str(each.space),
                "external_identifier": str(each.external_identifier),
                "version": each.version.number,
                "source": "primary",
                "destination": "azure",
                "status": IngestStatus.FAILED.value,
                "created": _moment(count),
                "request_id": f"bag__{count}",
                "reason": (Reason.NAME_REFUSED if count == 1 else Reason.SOURCE_CORRUPT).code,
                "campaign": "million",
            }
        )
        if len(rows) == 20_000:
            _write(engine, rows)
    _write(engine, rows)
    return count


def _write(engine: Engine, rows: list[dict[str, Any]]) -> None:
    if rows:
        with writing(engine) as connection:
            connection.execute(insert(INGESTS), rows)
        rows.clear()


def _moment(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)


def _seconds(make: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    make()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
