"""The worked example of a provider does what every provider does."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore
from contracts.store_contract import Home, StoreContract

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "sqlite_store.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sqlite_store", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(example: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Home:
    file = tmp_path_factory.mktemp("sqlite") / "objects.sqlite"

    def open_() -> ObjectStore:
        return example.SqliteStore(file, location="example")  # type: ignore[no-any-return]

    def put(key: str, data: bytes) -> None:
        with sqlite3.connect(file) as database:
            database.execute("INSERT OR REPLACE INTO objects VALUES (?, hex(randomblob(16)), 0, ?)", (key, data))
        database.close()

    def remove(key: str) -> None:
        with sqlite3.connect(file) as database:
            database.execute("DELETE FROM objects WHERE name = ?", (key,))
        database.close()

    return Home(open=open_, shared=open_(), put=put, remove=remove)


class TestTheExample(StoreContract):
    many = 300


@pytest.mark.parametrize(
    "ask", [lambda store: store.stat("a"), lambda store: list(store.list("")), lambda store: store.create("a", b"x")]
)
def test_no_answer_is_never_absence(example: ModuleType, tmp_path: Path, ask: Callable[[ObjectStore], object]) -> None:
    file = tmp_path / "objects.sqlite"
    store = example.SqliteStore(file, location="example")
    file.write_bytes(b"no database any more" * 100)
    with pytest.raises(StoreError) as raised:
        ask(store)
    assert raised.value.failure is StoreFailure.MISCONFIGURED
