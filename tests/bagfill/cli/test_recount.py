"""``bagfill db recount``: coverage after other hands than ours changed the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from bagfill.database.engine import open_database, writing
from bagfill.database.tables import COVERAGE_COUNTS
from bagfill.demo.bag_maker import SampleBag


def test_counts_that_other_hands_made_wrong_are_made_right(
    place: Any, fill: Callable[[tuple[SampleBag, ...]], None], collection: tuple[SampleBag, ...], bagfill: Any
) -> None:
    fill(collection[:3])
    bagfill("import", "primary")
    before = bagfill("coverage", "--json").json
    engine = open_database(f"sqlite:///{place.folder}/registry.sqlite")
    with writing(engine) as connection:
        connection.execute(update(COVERAGE_COUNTS).values(bag_versions=99))
    engine.dispose()
    assert bagfill("coverage", "--json").json != before
    assert bagfill("db", "recount").code == 0
    assert bagfill("coverage", "--json").json == before
