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
import importlib.util, json, sys
import airflow.sdk
import airflow.sdk.execution_time.supervisor, airflow.sdk.execution_time.task_runner
before = set(sys.modules)
spec = importlib.util.spec_from_file_location("the_dag", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(file: Path) -> set[str]:
    home = airflow_home()
    own = {"AIRFLOW_HOME": str(home), "AIRFLOW_CONFIG": str(home / "airflow.cfg")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("file", sorted(DAGS.glob("*.py")), ids=lambda file: file.stem)
def test_a_dag_file_loads_no_database_no_provider_and_no_client(file: Path) -> None:
    modules = loaded_by(file)
    never = (
        "airflow.providers.amazon", "airflow.providers.microsoft",
        "alembic", "azure", "bagfill.cli", "bagfill.demo", "bagfill.wiring", "boto3", "botocore",
        "cryptography", "matplotlib", "obstore", "rich", "sqlalchemy", "tenacity", "typer",
    )  # fmt: skip
    found = {module for module in modules for name in never if module == name or module.startswith(f"{name}.")}
    assert found == set()


def test_a_dag_file_loads_little_but_our_own() -> None:
    foreign = {module.split(".")[0] for module in loaded_by(DAGS / "backfill_bag.py")}
    assert foreign <= {"airflow", "bagfill", "bagfill_airflow", "pydantic", "croniter", "tomllib"}
