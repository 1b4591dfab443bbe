"""What a table of DynamoDB has to do for us, whatever server answers: subclass, and give the fixture ``tables``.

The table may be shared: each test has bags of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from bagfill.storage.dynamodb import DynamoTable
from bagfill.storage.errors import StoreError

Key = Callable[..., dict[str, Any]]
ODD = ("PP/MIA/", "x//y", "ends.", "50% Ångström", "A images", "'; DROP TABLE bags", "versions", "v1", "a/../b")
OLD = {"namespace": "bucket", "path": "digitised/b1/1/old"}
NEW = {"bucket": "bucket", "key": "digitised/b1/1/new.json"}


@dataclass(frozen=True)
class Tables:
    """A table with the keys of the service's manifests.

    Args:
        table: as Bagfill sees it.
        put: as the service writes.
        delete: as the deletion script does.
        absent: a table that does not exist.
    """

    table: DynamoTable
    put: Callable[[Mapping[str, Any]], None]
    delete: Callable[[Mapping[str, Any]], None]
    absent: DynamoTable


@pytest.fixture
def key() -> Key:
    """Names rows of one test."""
    space = uuid4().hex
    return lambda identifier="b1", version=1: {"id": f"{space}/{identifier}", "version": version}


class ServiceTableContract:
    """Conditional changes above all: two writers, one winner, and nobody brought back."""

    def test_a_row_is_had_by_its_exact_name(self, tables: Tables, key: Key) -> None:
        for identifier in ODD:
            assert tables.table.get(key(identifier)) is None
            tables.put({**key(identifier), "payload": OLD})
            assert tables.table.get(key(identifier)) == {**key(identifier), "payload": OLD}
            assert tables.table.get(key(f"{identifier} ")) is None

    def test_a_change_is_made_if_the_row_is_as_it_was_read(self, tables: Tables, key: Key) -> None:
        tables.put({**key(), "payload": OLD, "unknown": [1, {"a": None}]})
        assert tables.table.change(key(), {"payload": NEW}, expected={"payload": OLD})
        assert tables.table.get(key()) == {**key(), "payload": NEW, "unknown": [1, {"a": None}]}

    @pytest.mark.parametrize(
        "found",
        [
            NEW,
            {**OLD, "touched": 1},
            {"path": OLD["path"]},
            {"typedStoreId": OLD},
            {"namespace": OLD["path"], "path": OLD["namespace"]},
            "text",
        ],
    )
    def test_a_change_is_lost_if_the_row_is_anything_else(self, tables: Tables, key: Key, found: Any) -> None:
        tables.put({**key(), "payload": found})
        other = {**NEW, "key": "digitised/b1/1/mine.json"}
        assert not tables.table.change(key(), {"payload": other}, expected={"payload": OLD})
        assert tables.table.get(key()) == {**key(), "payload": found}

    def test_a_row_that_is_gone_is_not_brought_back(self, tables: Tables, key: Key) -> None:
        tables.put({**key(), "payload": OLD})
        tables.delete(key())
        assert not tables.table.change(key(), {"payload": NEW}, expected={"payload": OLD})
        assert tables.table.get(key()) is None

    def test_a_change_that_was_made_and_whose_answer_was_lost_counts_as_made(self, tables: Tables, key: Key) -> None:
        tables.put({**key(), "payload": OLD})
        assert tables.table.change(key(), {"payload": NEW}, expected={"payload": OLD})
        # As the client does by itself when no answer came: the same request once more.
        assert tables.table.change(key(), {"payload": NEW}, expected={"payload": OLD})

    def test_of_many_who_expect_the_same_one_wins(self, tables: Tables, key: Key) -> None:
        tables.put({**key(), "payload": OLD})
        barrier = Barrier(12)

        def change(number: int) -> bool:
            barrier.wait()
            moved = {"payload": {**NEW, "key": f"{number}.json"}}
            return tables.table.change(key(), moved, expected={"payload": OLD})

        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(change, range(12)))
        assert sum(won) == 1
        assert tables.table.get(key()) == {**key(), "payload": {**NEW, "key": f"{won.index(True)}.json"}}

    def test_of_many_who_begin_again_none_is_lost(self, tables: Tables, key: Key) -> None:
        tables.put({**key(), "names": [], "counter": 0})

        def add(number: int) -> None:
            while True:
                row = tables.table.get(key())
                assert row is not None
                values = {"names": [*row["names"], str(number)], "counter": row["counter"] + 1}
                if tables.table.change(key(), values, expected={"counter": row["counter"]}):
                    return

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(24)))
        row = tables.table.get(key())
        assert row is not None
        assert (sorted(row["names"], key=int), row["counter"]) == ([str(number) for number in range(24)], 24)

    def test_all_versions_of_a_bag_and_of_no_other_are_had(self, tables: Tables, key: Key) -> None:
        for version in (10, 2, 1):
            tables.put({**key("b1", version), "payload": OLD})
        tables.put({**key("b10"), "payload": OLD})
        assert [row["version"] for row in tables.table.of_hash("id", key("b1")["id"])] == [1, 2, 10]
        assert tables.table.of_hash("id", key("none")["id"]) == []

    @pytest.mark.parametrize("segments", [1, 4])
    def test_a_scan_sees_every_row_once_page_by_page_from_its_cursors(
        self, tables: Tables, key: Key, segments: int
    ) -> None:
        # Above a megabyte, so that a page is not the whole table.
        wide = {"payload": NEW, "wide": "x" * 60_000}
        rows = [key(f"b{number}") for number in range(20)]
        for row in rows:
            tables.put({**row, **wide})
        seen: list[str] = []
        pages = 0
        for segment in range(segments):
            cursor: str | None = None
            while True:
                items, cursor = tables.table.page(segment, segments, cursor)
                seen += [item["id"] for item in items if "wide" in item]
                pages += 1
                if cursor is None:
                    break
        for row in rows:
            tables.delete(row)
        assert sorted(seen) == sorted(row["id"] for row in rows)
        assert pages > 1

    def test_a_table_that_does_not_exist_is_no_absent_row(self, tables: Tables, key: Key) -> None:
        for act in (
            lambda: tables.absent.get(key()),
            lambda: tables.absent.page(0, 1, None),
            lambda: tables.absent.change(key(), {"payload": NEW}, expected={"payload": OLD}),
        ):
            with pytest.raises(StoreError) as caught:
                act()
            assert not caught.value.retryable
