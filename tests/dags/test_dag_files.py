"""Every DAG file loads, and keeps the rules for DAG files."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"
FILES = sorted(DAGS.glob("*.py"))
SECONDS_TO_LOAD = 5.0


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(dag_folder=str(DAGS), bundle_name="dags")


@pytest.fixture(scope="module")
def dags(bag: DagBag) -> dict[str, Any]:
    assert bag.dags, "no DAG was found: nothing would be checked"
    return dict(bag.dags)


def test_every_file_loads_without_errors_and_holds_the_dag_of_its_name(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {file.stem for file in FILES}
    assert {"backfill_bag", "sweep_unbackfilled_bags"} <= set(bag.dags)


def test_files_load_quickly() -> None:
    begun = time.monotonic()
    DagBag(dag_folder=str(DAGS), bundle_name="dags")
    assert time.monotonic() - begun < SECONDS_TO_LOAD


def test_a_broken_settings_file_is_told_in_the_documentation_and_does_not_break_the_dag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "bagfill.toml"
    settings.write_text("nonsense = 1\n")
    monkeypatch.setenv("BAGFILL_CONFIG", str(settings))
    bag = DagBag(dag_folder=str(DAGS), bundle_name="dags")
    assert bag.import_errors == {}
    assert "nonsense: unknown key" in str(bag.dags["backfill_bag"].doc_md)


def test_every_dag_says_what_it_does_whose_it_is_and_what_it_is_about(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert (dag.doc_md or "").startswith("# "), dag_id
        assert dag.description, dag_id
        assert "bagfill" in dag.tags, dag_id
        assert dag.owner == "digital-preservation", dag_id
        assert dag.catchup is False, dag_id


def test_every_task_is_retried_with_growing_pauses(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries >= 3, task.task_id
            assert task.retry_exponential_backoff > 1, task.task_id
            assert task.max_retry_delay is not None, task.task_id


def test_every_param_explains_itself(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for name in dag.params:
            schema = dag.params.get_param(name).schema
            assert schema.get("title"), name
            assert schema.get("description_md"), name
            assert schema.get("type"), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
class TestFile:
    def test_is_short(self, file: Path) -> None:
        assert len(file.read_text().splitlines()) <= 100

    def test_knows_only_airflow_and_our_operators(self, file: Path) -> None:
        roots = {name.split(".")[0] for name in _imported(file)}
        assert roots <= {"__future__", "airflow", "bagfill_airflow", "datetime"}
        assert not any(name.startswith("airflow.models") for name in _imported(file))

    def test_asks_no_variable_or_connection_when_it_is_parsed(self, file: Path) -> None:
        asked = [
            node
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Attribute) and node.attr in {"get_connection", "get_variable"}
        ]
        assert not asked
        assert not {"Variable", "Connection", "BaseHook"} & set(_imported_names(file))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def _imported_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
