"""An Airflow for tests: a home of its own in each test process, with a migrated SQLite database.

Airflow reads its environment when it is imported, so the home is made, and Airflow imported, before the first test
module that imports it. The environment is put back afterwards: programs that other tests start find nothing of it, and
Airflow goes on by the configuration file in the home.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_CONFIGURATION = """
[core]
dags_folder = {project}/dags
plugins_folder = {project}/plugins
load_examples = False
unit_test_mode = False
executor = LocalExecutor
min_serialized_dag_update_interval = 0
[database]
sql_alchemy_conn = sqlite:///{home}/airflow.db
[logging]
base_log_folder = {home}/logs
[api_auth]
jwt_secret = a-secret-of-tests-that-is-long-enough-to-sign-tokens-with-sha-512-as-it-should-be
[bagfill]
retry_delay_seconds = 0
thaw_poll_seconds = 0.05
"""

_homes: list[Path] = []
_migrated: list[Path] = []


def airflow_home() -> Path:
    """Make the home of this process and import Airflow in it; the same home each time."""
    if not _homes:
        home = Path(tempfile.mkdtemp(prefix="bagfill-airflow-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        (home / "airflow.cfg").write_text(_CONFIGURATION.format(project=PROJECT, home=home))
        before = {name: os.environ.get(name) for name in ("AIRFLOW_HOME", "AIRFLOW_CONFIG")}
        os.environ.update(AIRFLOW_HOME=str(home), AIRFLOW_CONFIG=str(home / "airflow.cfg"))
        try:
            import airflow.configuration
            import airflow.sdk.configuration
            import airflow.settings

            airflow.settings.initialize()
            assert airflow.sdk.configuration.conf.get("core", "dags_folder") == f"{PROJECT}/dags"
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        _homes.append(home)
    return _homes[0]


def migrate(template: Path) -> None:
    """Give the home a migrated database, once: a copy of ``template``, which is made first if it is not there.

    Several fixtures of one process ask for it, and a database that is open must not be written over.

    Args:
        template: folder for databases that were migrated before, by version of Airflow.
    """
    home = airflow_home()
    if home in _migrated:
        return
    _migrated.append(home)
    own = {"AIRFLOW_HOME": str(home), "AIRFLOW_CONFIG": str(home / "airflow.cfg")}
    migrated_copy(template, home / "airflow.db", {**os.environ, **own})


def migrated_copy(template: Path, database: Path, environment: dict[str, str]) -> None:
    """Put a migrated SQLite database in its place: migrating takes ten seconds, copying none.

    Args:
        template: folder for databases that were migrated before, by version of Airflow.
        database: file to be made.
        environment: of an ``airflow`` command that works on it.
    """
    made = template / f"airflow-{version('apache-airflow-core')}.db"
    if made.exists():
        shutil.copyfile(made, database)
        return
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=180)
    part = made.with_suffix(f".{os.getpid()}")
    shutil.copyfile(database, part)
    part.replace(made)
