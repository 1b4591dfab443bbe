"""What reading a DAG file loads beyond Airflow itself: every task does it again, and the DAG processor all the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_home import airflow_home

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
PROGRAM = """
import importlib.util, json, os, sys
import airflow.sdk
import airflow.sdk.execution_time.supervisor, airflow.sdk.execution_time.task_runner
before = set(sys.modules)
for file in sys.argv[1:]:
    # Each file in a child of its own, which has loaded what Airflow needs and nothing of the files before.
    if child := os.fork():
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"{file} cannot be read")
        continue
    spec = importlib.util.spec_from_file_location("the_dag", file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    print(json.dumps({file: sorted(set(sys.modules) - before)}), flush=True)
    os._exit(0)
"""
FILES = sorted(DAGS.glob("*.py"))


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """What each file loads, by its stem."""
    home = airflow_home()
    own = {"AIRFLOW_HOME": str(home), "AIRFLOW_CONFIG": str(home / "airflow.cfg")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, FILES)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = {Path(file).stem: set(modules) for line in lines for file, modules in line.items()}
    assert found.keys() == {file.stem for file in FILES}
    return found


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_a_dag_file_loads_no_database_no_provider_and_no_client(loaded: dict[str, set[str]], name: str) -> None:
    never = (
        "airflow.providers.amazon", "airflow.providers.microsoft",
        "alembic", "azure", "bagfill.cli", "bagfill.demo", "bagfill.wiring", "boto3", "botocore",
        "cryptography", "matplotlib", "obstore", "rich", "sqlalchemy", "tenacity", "typer",
    )  # fmt: skip
    modules = loaded[name]
    found = {module for module in modules for each in never if module == each or module.startswith(f"{each}.")}
    assert found == set()


def test_a_dag_file_loads_little_but_our_own(loaded: dict[str, set[str]]) -> None:
    foreign = {module.split(".")[0] for module in loaded["backfill_bag"]}
    assert foreign <= {"airflow", "bagfill", "bagfill_airflow", "pydantic", "croniter", "tomllib"}
