"""Runs of ``backfill_bag`` that wait for thaws, put straight into Airflow's database: as many as a test wants at once.

Through the scheduler each takes seconds of a core until it waits. Rows of a run that there is are copied instead, with
a trigger of its own for each, encrypted as Airflow has it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.fernet import Fernet
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.references import pack_ingests
from bagfill_airflow.sensors.thaw import thaw_trigger
from whole_system import System

_NOTE = """
CREATE TABLE went_on (run_id text, event text);
CREATE FUNCTION note_going_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO went_on VALUES (NEW.run_id, NEW.next_kwargs::text);
    RETURN NULL;
END $$;
CREATE TRIGGER goes_on AFTER UPDATE OF state ON task_instance FOR EACH ROW
    WHEN (NEW.run_id LIKE 'held!_%' ESCAPE '!' AND NEW.state = 'scheduled')
    EXECUTE FUNCTION note_going_on();
"""
_FORGET = """
DROP TRIGGER goes_on ON task_instance;
DROP FUNCTION note_going_on;
DROP TABLE went_on;
DELETE FROM task_instance WHERE run_id LIKE 'held!_%' ESCAPE '!';
DELETE FROM dag_run WHERE run_id LIKE 'held!_%' ESCAPE '!';
"""


@dataclass
class HeldRuns:
    """Runs ``held_0``, ``held_1`` … of which ``thaw.wait`` is deferred."""

    engine: Engine

    def holders(self) -> Mapping[int | None, int]:
        """How many of the triggers each triggerer holds, by the id of its job."""
        query = (
            "SELECT t.triggerer_id, count(*) FROM trigger t JOIN task_instance i ON i.trigger_id = t.id "
            "WHERE i.run_id LIKE 'held!_%' ESCAPE '!' GROUP BY 1"
        )
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(text(query))}

    def went_on(self) -> Sequence[tuple[str, str]]:
        """Run id, and what the task is to go on with, each time that a task was told to go on."""
        with self.engine.connect() as connection:
            return [(run_id, event) for run_id, event in connection.execute(text("SELECT * FROM went_on"))]


@contextmanager
def held_runs(system: System, like: str, refs: Sequence[IngestRef]) -> Iterator[HeldRuns]:
    """A run for each ingest, while the scheduler stands still: what goes on is not started.

    Args:
        system: holds them.
        like: id of a run of ``backfill_bag`` whose rows are copied.
        refs: ingests that were asked for.
    """
    environment = system.stack.airflow.environment
    engine = create_engine(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    fernet = Fernet(environment["AIRFLOW__CORE__FERNET_KEY"])
    scheduler = system.stack.supervisor.pid("scheduler")
    os.kill(scheduler, signal.SIGSTOP)
    try:
        with engine.begin() as connection:
            connection.execute(text(_NOTE))
            for number, ref in enumerate(refs):
                path, arguments = thaw_trigger(pack_ingests([ref]), [0]).serialize()
                arguments |= {"poll_seconds": 1.0, "longest_poll_seconds": 4.0}
                _hold(connection, like, f"held_{number}", path, fernet.encrypt(json.dumps(arguments).encode()).decode())
        yield HeldRuns(engine)
    finally:
        with engine.begin() as connection:
            connection.execute(text(_FORGET))
        os.kill(scheduler, signal.SIGCONT)
        engine.dispose()


def _hold(connection: Connection, like: str, run_id: str, path: str, arguments: str) -> None:
    made = "INSERT INTO trigger (classpath, kwargs, created_date) VALUES (:path, :arguments, now()) RETURNING id"
    trigger = connection.execute(text(made), {"path": path, "arguments": arguments}).scalar_one()
    _copy(connection, "dag_run", like, {"run_id": f"'{run_id}'", "state": "'running'"}, without={"id"})
    waiting = {
        "id": "gen_random_uuid()",
        "run_id": f"'{run_id}'",
        "state": "'deferred'",
        "trigger_id": str(trigger),
        "trigger_timeout": "now() + interval '1 day'",
        "next_method": "'resume'",
        "try_number": "1",
    }
    _copy(connection, "task_instance", like, waiting, only="AND task_id = 'thaw.wait'")


def _copy(
    connection: Connection,
    table: str,
    like: str,
    changed: Mapping[str, str],
    *,
    without: frozenset[str] | set[str] = frozenset(),
    only: str = "",
) -> None:
    columns = [column["name"] for column in inspect(connection).get_columns(table) if column["name"] not in without]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    copied = connection.execute(
        text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE run_id = :like {only}"), {"like": like}
    )
    assert copied.rowcount == 1
