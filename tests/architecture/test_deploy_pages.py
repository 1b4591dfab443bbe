"""What docs/deploy says is true of the code, the compose file and, as far as we know them, of others' files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "docs/deploy"
# Of the official chart, as its parameters reference (1.20) lists them; those that the example uses.
CHART: dict[str, set[str]] = {
    "": {
        *("airflowVersion", "defaultAirflowRepository", "defaultAirflowTag", "executor", "uid", "gid"),
        *("securityContexts", "postgresql", "redis", "data", "fernetKeySecretName", "jwtSecretName"),
        *("apiSecretKeySecretName", "config", "env", "secret", "volumes", "volumeMounts", "dags", "logs", "apiServer"),
        *("scheduler", "dagProcessor", "triggerer", "workers", "migrateDatabaseJob", "createUserJob", "statsd"),
    },
    "data": {"metadataSecretName", "resultBackendSecretName", "brokerUrlSecretName"},
    "workers": {"celery"},
    "workers.celery": {"enableDefault", "persistence", "terminationGracePeriodSeconds", "sets"},
    "apiServer": {"replicas", "resources"},
    "scheduler": {"replicas", "resources"},
    "dagProcessor": {"resources"},
    "triggerer": {"replicas", "persistence", "resources", "env"},
    "createUserJob": {"defaultUser"},
    "migrateDatabaseJob": {"enabled"},
}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "values.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    file = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    found: dict[str, str] = file["services"]["scheduler"]["environment"]
    return found


@pytest.mark.parametrize("path", sorted(CHART))
def test_the_values_use_keys_that_the_chart_has(values: dict[str, Any], path: str) -> None:
    found: Any = values
    for key in path.split(".") if path else []:
        found = found[key]
    assert set(found) <= CHART[path]


def test_each_set_of_workers_serves_one_queue_of_the_tasks(values: dict[str, Any]) -> None:
    sets = values["workers"]["celery"]["sets"]
    assert {each["queue"] for each in sets} == set(values["config"]["bagfill"].values())
    assert {each["name"] for each in sets} == {"control", "copy", "verify"}
    assert all({"name", "queue", "replicas", "resources", "env"} == set(each) for each in sets)


def test_workers_that_verify_have_no_connection_that_writes(values: dict[str, Any]) -> None:
    names = {each["name"]: {row["name"] for row in each["env"]} for each in values["workers"]["celery"]["sets"]}
    assert not any("WRITE" in name for name in names["verify"])
    assert any("WRITE" in name for name in names["copy"])


def test_kubernetes_and_compose_set_the_same(values: dict[str, Any], environment: dict[str, str]) -> None:
    for section, options in values["config"].items():
        for option, value in options.items():
            assert environment[f"AIRFLOW__{section.upper()}__{option.upper()}"] == value, (section, option)


def test_every_secret_of_the_values_is_made_on_the_page(values: dict[str, Any]) -> None:
    text = (DEPLOY / "values.yaml").read_text()
    used = set(re.findall(r"(?:secretName|SecretName|secretKeyRef: \{name): ?([a-z-]+)", text))
    made = set(re.findall(r"kubectl create secret generic (\S+)", (DEPLOY / "kubernetes.md").read_text()))
    assert used == made
    assert values["volumes"][0]["configMap"]["name"] in (DEPLOY / "kubernetes.md").read_text()


def test_the_page_on_compose_names_the_services_of_the_file() -> None:
    file = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    page = (DEPLOY / "compose.md").read_text()
    named = set(re.findall(r"`(worker-[a-z]+|ministack|seaweedfs|azurite)`", page)) | set(
        re.findall(r"http://([a-z]+):", page)
    )
    assert named <= set(file["services"])
    for name, service in file["services"].items():
        if name.startswith("worker-"):
            assert name in named
            secrets = {secret for secret in service["secrets"] if secret.startswith("AIRFLOW_CONN_")}
            [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
            assert ("write" in row.rpartition("|")[0].rpartition("|")[2]) == any("WRITE" in each for each in secrets)


def test_every_option_that_a_page_names_is_read(environment: dict[str, str]) -> None:
    source = "".join(path.read_text() for path in (PROJECT / "plugins/bagfill_airflow").glob("*.py"))
    for name in environment:
        if name.startswith("AIRFLOW__BAGFILL__"):
            kind = name.removeprefix("AIRFLOW__BAGFILL__").lower().removesuffix("_queue")
            assert f'= "{kind}"' in source, name
