"""Listing what is missing of a large registry: page by page, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert

from bagfill.database.engine import writing
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.demo.postgresql import PostgreSQL
from bagfill.registry.sql_missing import BAGS_IN_ONE_PAGE, missing_bags
from contracts.databases import postgresql_url, sqlite_url, with_tables

BAGS = 6000
ADDED = datetime(2020, 9, 1, tzinfo=UTC)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)], ids=lambda name: name
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A registry of bags of which every third has two versions; each tenth bag's v1 is at ``azure``."""
    if request.param == "sqlite":
        url = sqlite_url(Path(tmp_path_factory.mktemp("missing")))
    else:
        server = request.getfixturevalue("postgresql")
        assert isinstance(server, PostgreSQL)
        url = postgresql_url(server)
    with with_tables(url) as engine:
        rows = [row(number, version) for number in range(BAGS) for version in ((1, 2) if number % 3 == 0 else (1,))]
        there = [row(number, 1) for number in range(0, BAGS, 10)]
        keys = ("space", "external_identifier", "version")
        replicas = [{**{key: r[key] for key in keys}, "location": "azure", "registered": ADDED} for r in there]
        with writing(engine) as connection:
            connection.execute(insert(BAG_VERSIONS), rows)
            connection.execute(insert(REPLICAS), replicas)
        yield engine


def row(number: int, version: int) -> dict[str, object]:
    space = "born-digital" if number % 2 else "digitised"
    key = {"space": space, "external_identifier": f"b{number:06d}", "version": version}
    return {**key, "pointer": "p", "sha256": "s", "files": 3, "bytes": number, "added": ADDED}


def test_every_bag_with_something_missing_comes_once_and_whole(engine: Engine) -> None:
    found = {str(each.bag): [v.version.number for v in each.versions] for each in missing_bags(engine, "azure", None)}
    expected = {}
    for number in range(BAGS):
        versions = ([1] if number % 10 else []) + ([2] if number % 3 == 0 else [])
        if versions:
            expected[f"{row(number, 1)['space']}/b{number:06d}"] = versions
    assert found == expected


def test_a_listing_holds_one_page_however_long_it_is(engine: Engine) -> None:
    def peak(bags: int) -> int:
        tracemalloc.start()
        try:
            for _ in islice(missing_bags(engine, "azure", None), bags):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(BAGS_IN_ONE_PAGE)  # what is loaded and compiled once
    short, long = peak(2 * BAGS_IN_ONE_PAGE), peak(BAGS)
    # Six times as many bags; when garbage is collected moves the figure a little.
    assert long < 2 * short


def test_a_listing_asks_twice_a_page_and_not_for_each_bag(engine: Engine) -> None:
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.extend([statement] if statement.startswith("SELECT") else [])

    event.listen(engine, "before_cursor_execute", note)
    try:
        bags = sum(1 for _ in missing_bags(engine, "azure", ["digitised"]))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) <= 2 * (bags // BAGS_IN_ONE_PAGE + 1)


def test_what_is_registered_between_two_pages_is_not_listed_any_more(engine: Engine) -> None:
    listing = missing_bags(engine, "shelf", ["digitised"])
    first = next(listing)
    later = {"space": "digitised", "external_identifier": f"b{BAGS - 2:06d}", "version": 1}
    with writing(engine) as connection:
        connection.execute(insert(REPLICAS), [{**later, "location": "shelf", "registered": ADDED}])
    names = [str(each.bag) for each in (first, *listing)]
    assert names[0] == "digitised/b000000"
    assert f"digitised/b{BAGS - 2:06d}" not in names
    assert len(names) == len(set(names)) == BAGS // 2 - 1
