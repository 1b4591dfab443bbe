"""docker-compose.yaml says only what is true of the code, the image and Airflow. Docker itself is not needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
COMPOSE = PROJECT / "docker-compose.yaml"
DOCKERFILE = PROJECT / "docker/Dockerfile"
# Compose's own: ${NAME}, ${NAME:?}, ${NAME:-default}; `$$` is a plain dollar sign.
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-[^}]*)?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def airflow_services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if "build" in service}


@pytest.fixture(scope="module")
def documented() -> dict[str, str]:
    lines = (PROJECT / "docker/environment.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def statements(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def test_it_has_the_services_of_production(airflow_services: dict[str, Any], compose: dict[str, Any]) -> None:
    assert set(compose["services"]) - set(airflow_services) == {"postgres", "redis"}
    expected = {"migration", "administrator", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
    assert set(airflow_services) == expected


def test_variables_and_their_documentation_agree(documented: dict[str, str]) -> None:
    used = {match[1] for line in statements(COMPOSE.read_text()) for match in VARIABLE.finditer(line)}
    assert used == set(documented)


def test_what_has_no_default_must_be_set(documented: dict[str, str]) -> None:
    forms = {
        (match[1], (match[2] or "")[:2])
        for line in statements(COMPOSE.read_text())
        for match in VARIABLE.finditer(line)
    }
    assert forms == {(name, ":-" if default else ":?") for name, default in documented.items()}


def test_every_variable_of_ours_is_read_by_the_settings_file(airflow_services: dict[str, Any]) -> None:
    settings = (PROJECT / "include/config/bagfill.toml").read_text()
    connections = {
        location[key]
        for location in tomllib.loads(settings)["locations"]
        for key in ("read_connection", "write_connection")
        if key in location
    }
    read = set(re.findall(r"\$\{(BAGFILL_\w+)", settings)) | {"BAGFILL_CONFIG"}
    read |= {f"AIRFLOW_CONN_{name.upper()}" for name in connections}
    for name, service in airflow_services.items():
        ours = {key for key in service["environment"] if key.startswith(("BAGFILL_", "AIRFLOW_CONN_"))}
        assert ours == read, name


def test_every_airflow_service_has_the_same_environment_and_volumes(airflow_services: dict[str, Any]) -> None:
    first, *others = airflow_services.values()
    for other in others:
        assert (other["environment"], other["volumes"]) == (first["environment"], first["volumes"])


def test_images_are_pinned_and_ours_has_the_version_of_the_project(compose: dict[str, Any]) -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    images = {service["image"] for service in compose["services"].values()}
    assert images == {f"bagfill:{version}", "postgres:16-bookworm", "redis:7.2-bookworm"}


def test_mounted_files_exist_and_volumes_are_declared_and_used(compose: dict[str, Any]) -> None:
    mounts = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    sources = {mount.split(":")[0] for mount in mounts}
    assert all((PROJECT / source).exists() for source in sources if source.startswith("."))
    assert {source for source in sources if not source.startswith(".")} == set(compose["volumes"])


def test_the_image_has_the_folders_that_the_environment_names(airflow_services: dict[str, Any]) -> None:
    dockerfile = DOCKERFILE.read_text()
    copied = {
        target: source for source, target in re.findall(r"^COPY (\S+) (/opt/bagfill/\w+)$", dockerfile, re.MULTILINE)
    }
    assert {source for source in copied.values() if not (PROJECT / source).is_dir()} == set()
    environment = airflow_services["worker"]["environment"]
    paths = [value for value in environment.values() if value.startswith("/opt/bagfill/")]
    assert paths
    for path in paths:
        target = "/".join(path.split("/")[:4])
        assert (PROJECT / copied[target] / path.removeprefix(target).lstrip("/")).exists(), path
    made = re.search(r"install --directory .* (/opt/airflow/logs) (/var/lib/bagfill)", dockerfile)
    assert made is not None
    assert environment["BAGFILL_STATE"] == made[2]


def test_the_image_is_built_from_pinned_packages_and_does_not_run_as_root() -> None:
    lines = statements(DOCKERFILE.read_text())
    assert any("pip install --require-hashes --no-deps --requirement" in line for line in lines)
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["50000"]
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    copied = {source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]}
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_only_loopback_is_published(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_service_that_keeps_running_is_checked(compose: dict[str, Any]) -> None:
    unchecked = {name for name, service in compose["services"].items() if "healthcheck" not in service}
    assert unchecked == {name for name, service in compose["services"].items() if service.get("restart") == "no"}


ASK_AIRFLOW = """
    import json, sys
    from airflow.cli.cli_parser import get_parser
    from airflow.configuration import conf
    asked = json.load(sys.stdin)
    conf.load_providers_configuration()
    known = conf.configuration_description
    for key in asked["settings"]:
        _, section, option = key.lower().split("__", 2)
        if option not in known.get(section, {}).get("options", {}):
            print("unknown setting", key)
    for command in asked["commands"]:
        try:
            get_parser().parse_args(command)
        except SystemExit:
            print("unknown command", command)
    for name in asked["classes"]:
        module, _, attribute = name.rpartition(".")
        if not hasattr(__import__(module, fromlist=[attribute]), attribute):
            print("unknown class", name)
"""


@pytest.mark.airflow
def test_airflow_knows_every_command_and_setting(airflow_services: dict[str, Any], tmp_path: Path) -> None:
    environment: dict[str, str] = {
        name: VARIABLE.sub("x", value) for name, value in airflow_services["worker"]["environment"].items()
    }
    settings = [name for name in environment if name.startswith("AIRFLOW__")]
    commands = [service["command"] for service in airflow_services.values()]
    checks = [service["healthcheck"]["test"][1:] for service in airflow_services.values() if "healthcheck" in service]
    commands += [check for check in checks if check[0] == "airflow"]
    assert len(commands) == 7 + 3
    assert all(command[0] == "airflow" for command in commands)
    asked = {
        "settings": settings,
        "commands": [command[1:] for command in commands],
        "classes": [
            environment["AIRFLOW__CORE__AUTH_MANAGER"],
            environment["AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS"],
            "airflow.providers.celery.executors.celery_executor.app",
        ],
    }
    valid = {
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW_HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ASK_AIRFLOW)],
        input=json.dumps(asked),
        env=environment | valid,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("unknown")] == []
