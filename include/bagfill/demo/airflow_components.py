"""Airflow's four components on one machine: API server, scheduler, DAG processor, triggerer."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from bagfill.demo.airflow_api import AirflowApi
from bagfill.demo.ports import LOOPBACK, free_port, release_ports
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import Probe, answers_http
from bagfill.demo.server import installed_script, project_folder
from bagfill.demo.supervisor import Supervisor

HEALTH = "/api/v2/monitor/health"
# Names in the answer of HEALTH, by program.
COMPONENTS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}


class AirflowComponents:
    """Airflow with LocalExecutor and the simple auth manager.

    Args:
        work_dir: AIRFLOW_HOME and logs.
        database_url: an empty PostgreSQL database, as SQLAlchemy URL for psycopg2.
        environment: added for every component: connections (``AIRFLOW_CONN_…``), settings of ours, more of Airflow's.
        dags_folder, plugins_folder: the project's, unless told otherwise.
        parallelism: tasks at once.

    Attributes:
        address: of UI and API.
        user, password: may do everything. ``viewer`` and ``viewer_password`` may only look.
    """

    user = "admin"
    viewer = "viewer"

    def __init__(
        self,
        work_dir: Path,
        database_url: str,
        environment: Mapping[str, str],
        *,
        dags_folder: Path | None = None,
        plugins_folder: Path | None = None,
        parallelism: int = 4,
    ) -> None:
        self.home = work_dir.resolve() / "airflow"
        self.logs = work_dir.resolve()
        self._database_url = database_url
        self._given = dict(environment)
        self.dags_folder = dags_folder or project_folder() / "dags"
        self.plugins_folder = plugins_folder or project_folder() / "plugins"
        self._parallelism = parallelism
        # The second is where logs of running tasks would be served; nobody listens there, see `components`.
        self.port, self._log_port = free_port(), free_port()
        self.password, self.viewer_password = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self._secrets = {
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What any ``airflow`` command needs to work on this Airflow; holds secrets."""
        core = {
            "DAGS_FOLDER": str(self.dags_folder),
            "PLUGINS_FOLDER": str(self.plugins_folder),
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": str(self._parallelism),
            "LOAD_EXAMPLES": "False",
            "DAGS_ARE_PAUSED_AT_CREATION": "False",
            "EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin,{self.viewer}:viewer",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            # The default asks the name server, which may be slow or absent.
            "HOSTNAME_CALLABLE": "socket.gethostname",
        }
        others = {
            "API__BASE_URL": self.address,
            "API__HOST": LOOPBACK,
            "API__PORT": str(self.port),
            "DATABASE__SQL_ALCHEMY_CONN": self._database_url,
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self._log_port),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._log_port),
            # One line a request otherwise: megabytes in minutes while a page is open.
            "LOGGING__NAMESPACE_LEVELS": "http.access=WARNING",
            "LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
            "LOGGING__COLORED_CONSOLE_LOG": "False",
            "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            # Restores take seconds here, not hours.
            "BAGFILL__THAW_POLL_SECONDS": "2",
            "BAGFILL__RETRY_DELAY_SECONDS": "2",
        }
        named = {f"CORE__{name}": value for name, value in core.items()} | others
        return {
            **plain_environment(self.home),
            "PATH": f"{installed_script('airflow', 'Airflow').parent}:{plain_environment(self.home)['PATH']}",
            "PYTHONPATH": str(project_folder() / "include"),
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW__{name}": value for name, value in named.items()},
            **self._secrets,
            **self._given,
        }

    def start(self, supervisor: Supervisor) -> None:
        """Migrates the database, starts the components, and waits until each reports itself healthy.

        Raises:
            StartFailed: with the log of the program that did not start.
        """
        self._prepare()
        supervisor.run(self._command("airflow-migration", ["db", "migrate"], lambda: True, ready_within=120))
        for components in self.components():
            supervisor.launch(*components)
        supervisor.wait_until_ready()

    def components(self) -> Iterator[list[Program]]:
        """Groups in the order of starting.

        They are stopped the other way round: the scheduler while the API server still answers, or it hangs and leaves
        its workers behind.
        """
        yield [
            self._command(
                "api-server",
                ["api-server", "--host", LOOPBACK, "--port", str(self.port), "--workers", "1"],
                answers_http(self.port, "/api/v2/version", below=300),
            )
        ]
        # Their log servers would listen on every interface. The API server reads the same files without them.
        yield [
            self._command("dag-processor", ["dag-processor"], self._healthy("dag-processor")),
            self._command("triggerer", ["triggerer", "--skip-serve-logs"], self._healthy("triggerer")),
            self._command("scheduler", ["scheduler", "--skip-serve-logs"], self._healthy("scheduler")),
        ]

    def api(self) -> AirflowApi:
        return AirflowApi(self.address, self.user, self.password)

    def release_ports(self) -> None:
        release_ports(self.port, self._log_port)

    def _prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({self.user: self.password, self.viewer: self.viewer_password}))

    def _command(self, name: str, arguments: list[str], ready: Probe, *, ready_within: float = 180) -> Program:
        return Program(
            name=name,
            command=(str(installed_script("airflow", "Airflow")), *arguments),
            log=self.logs / f"{name}.log",
            folder=self.home,
            environment=self.environment,
            ready=ready,
            ready_within=ready_within,
            # Asked to stop, the scheduler waits for running tasks, at times for ever, and the API server for whoever is
            # still connected (measured). Nothing is kept, for the database goes as well: the guard ends what is left.
            stop_within=3,
        )

    def _healthy(self, program: str) -> Probe:
        component = COMPONENTS[program]

        def probe() -> bool:
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
            try:
                connection.request("GET", HEALTH)
                answer = json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError):
                return False
            finally:
                connection.close()
            return isinstance(answer, dict) and answer.get(component, {}).get("status") == "healthy"

        return probe
