"""Fifty thousand failures of one kind in PostgreSQL: one line on the page, in little memory, and nobody waits."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import Engine, text

from bagfill.database.engine import writing
from bagfill.demo.postgresql import PostgreSQL
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.sql_failed_bags import SqlFailedBags
from bagfill.ingests.sql_releases import SqlReleases
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.sql import SqlRegistry
from bagfill.steps.needs import Needs
from bagfill.steps.services import Services
from bagfill.storage.memory import MemoryStore
from bagfill_airflow.views.figures import Figures
from bagfill_airflow.views.kept import Kept
from contracts.databases import postgresql_url, with_tables
from http_api import Api

UI = "/bagfill/ui"
SAME = {"Sec-Fetch-Site": "same-origin"}
BAGS = 50_000
_FILL = (
    """INSERT INTO bag_versions (space, external_identifier, version, pointer, sha256, files, bytes, added)
    SELECT 'digitised', 'b' || n, 1, n, n, 3, 700, now() FROM generate_series(1, :bags) AS n""",
    """INSERT INTO ingests
    (id, space, external_identifier, version, source, destination, status, created, request_id, reason)
    SELECT gen_random_uuid(), 'digitised', 'b' || n, 1, 'primary', 'azure', 'failed',
    timestamptz '2026-01-01Z' + n * interval '1 second', 'bag__' || n, 'source-corrupt'
    FROM generate_series(1, :bags) AS n""",
    "ANALYZE",
)


def fill(engine: Engine, bags: int) -> None:
    with writing(engine) as connection:
        for statement in _FILL:
            connection.execute(text(statement), {"bags": bags} if ":bags" in statement else {})


@pytest.fixture
def many(api: Api, postgresql: PostgreSQL) -> Iterator[Api]:
    with with_tables(postgresql_url(postgresql)) as engine:
        fill(engine, BAGS)
        kept = {"registry": SqlRegistry(engine, ManifestStore(MemoryStore())), "ingests": SqlIngestTracker(engine)}
        api.services = replace(api.services, **kept, releases=SqlReleases(engine), failed=SqlFailedBags(engine))
        # However slow the machine is: the page waits for its count.
        api.mounted.state.figures = Figures(needs=Kept(Figures().needs._count, seconds=0, patience=100))
        yield api


@pytest.mark.servers
def test_fifty_thousand_failures_are_one_line_made_in_little_memory(many: Api) -> None:
    viewer = many.client("viewer")
    viewer.get(f"{UI}/campaigns")
    tracemalloc.start()
    page = viewer.get(f"{UI}/needs").text
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"{BAGS:,}" in page
    assert page.count("/failures/source-corrupt?") == 1
    assert "2026-01-01 00:00 UTC<br>2026-01-01 13:53 UTC" in page
    assert most < 8 * 2**20, "a page keeps no list of what it counts"
    listed = viewer.get(f"{UI}/failures/source-corrupt", params={"destination": "azure"}).text
    assert listed.count('<th scope="row">') == 50


@pytest.mark.servers
def test_more_failures_than_a_button_may_release_are_not_released_by_a_forged_press(many: Api) -> None:
    form = {"reason": "source-corrupt", "destination": "azure"}
    said = many.client("operator", by_cookie=True).post(f"{UI}/needs/release", data=form, headers=SAME).text
    assert "More than 1,000 bags wait because of source-corrupt" in said
    assert list(many.services.releases.all()) == []


def test_a_page_that_waits_for_its_count_keeps_no_other_page_waiting(api: Api) -> None:
    """The count goes on until another page was answered: it never would be, if it held the event loop."""
    answered = threading.Event()

    def count(services: Services) -> Needs:
        assert answered.wait(60)
        return Needs(services.clock(), (), (), (), ())

    api.mounted.state.figures = Figures(needs=Kept(count, seconds=1000, patience=60))
    headers = {"Authorization": f"Bearer {api.tokens['viewer']}"}

    async def look() -> tuple[int, int]:
        transport = httpx2.ASGITransport(app=api.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://airflow", headers=headers) as client:
            slow = asyncio.create_task(client.get(f"{UI}/needs"))
            await asyncio.sleep(0)
            quick = await client.get(f"{UI}/campaigns")
            answered.set()
            return quick.status_code, (await slow).status_code

    assert asyncio.run(look()) == (200, 200)
