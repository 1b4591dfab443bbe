"""The whole embedded stack: Airflow on PostgreSQL with a DAG of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from bagfill.demo.airflow_api import AirflowApi, ApiRefused
from bagfill.demo.background import running_stack, stop_in_background
from bagfill.demo.guard import descendants
from bagfill.demo.leftovers import ProcessMark
from bagfill.demo.stack import DagsNotLoaded, EmbeddedStack, wait_for_dags
from bagfill.demo.surroundings import BUCKET, CONTAINER, project_environment

DAG = """
import os
from airflow.sdk import Param, dag, task

@dag(schedule=None, params={"n": Param(2, type="integer", minimum=1)})
def counting():
    @task
    def numbers(params=None):
        print("counting to", params["n"])
        return list(range(params["n"]))

    @task
    def state(n):
        return os.environ["BAGFILL_STATE"] + str(n)

    state.expand(n=numbers())

counting()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "dags").mkdir()
    (folder / "plugins").mkdir()
    (folder / "dags/counting.py").write_text(DAG)
    stack = EmbeddedStack(
        folder / "work",
        with_airflow=True,
        environment=project_environment,
        dags_folder=folder / "dags",
        plugins_folder=folder / "plugins",
    )
    with stack:
        yield stack
    assert not [pid for pid in descendants(os.getpid()) if "airflow" in command(pid)]


@pytest.fixture(scope="module")
def api(stack: EmbeddedStack) -> Iterator[AirflowApi]:
    with stack.airflow.api() as api:
        yield api


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.airflow
@pytest.mark.servers
class TestStackWithAirflow:
    def test_runs_a_dag_started_by_rest(self, stack: EmbeddedStack, api: AirflowApi) -> None:
        run_id = api.trigger("counting", {"n": 3}, run_id="bag__one")
        assert api.wait_for_run("counting", run_id, within=90) == "success"
        states = {
            (task["task_id"], task["map_index"]): task["state"] for task in api.task_instances("counting", run_id)
        }
        assert states == {("numbers", -1): "success", **{("state", n): "success" for n in range(3)}}
        assert api.xcom("counting", run_id, "numbers") == [0, 1, 2]
        assert api.xcom("counting", run_id, "state", map_index=2) == f"{stack.work_dir}/bagfill2"
        assert "counting to 3" in api.log("counting", run_id, "numbers")
        assert [run["dag_run_id"] for run in api.runs("counting")] == ["bag__one"]

    def test_refuses_with_the_reason(self, api: AirflowApi) -> None:
        with pytest.raises(ApiRefused, match="less than the minimum") as refused:
            api.trigger("counting", {"n": 0})
        assert refused.value.status == 400
        with pytest.raises(ApiRefused) as refused:
            api.trigger("nothing")
        assert refused.value.status == 404

    def test_the_viewer_may_look_and_not_start(self, stack: EmbeddedStack) -> None:
        with AirflowApi(stack.airflow.address, stack.airflow.viewer, stack.airflow.viewer_password) as viewer:
            assert viewer.dag_ids() == ["counting"]
            with pytest.raises(ApiRefused) as refused:
                viewer.trigger("counting")
        assert refused.value.status == 403

    def test_a_wrong_password_does_not_let_in(self, stack: EmbeddedStack) -> None:
        with AirflowApi(stack.airflow.address, "admin", "guess") as nobody, pytest.raises(ApiRefused) as refused:
            nobody.dag_ids()
        assert refused.value.status == 401

    def test_gives_bagfill_its_places(self, stack: EmbeddedStack) -> None:
        environment = stack.airflow.environment
        assert (environment["BAGFILL_PRIMARY_BUCKET"], environment["BAGFILL_AZURE_CONTAINER"]) == (BUCKET, CONTAINER)
        with psycopg2.connect(environment["BAGFILL_DATABASE"].replace("+psycopg2", "")) as connection:
            assert connection.info.dbname == "registry"
        connection.close()

    def test_a_file_that_cannot_be_imported_is_reported(self, stack: EmbeddedStack, api: AirflowApi) -> None:
        broken = stack.airflow.dags_folder / "broken.py"
        broken.write_text("from airflow.sdk import dag\nimport no_such_module_here\n")
        try:
            reserialized = subprocess.run(
                [sys.executable, "-m", "airflow", "dags", "reserialize"],
                env=stack.airflow.environment,
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert reserialized.returncode == 0
            with pytest.raises(DagsNotLoaded, match="no_such_module_here"):
                wait_for_dags(api, stack.airflow.dags_folder, within=60)
        finally:
            broken.unlink()


@pytest.mark.servers
def test_terminated_while_starting_leaves_nothing(tmp_path: Path) -> None:
    work_dir = tmp_path / "stack"
    state_file = work_dir / "state.json"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "bagfill.demo", "serve", str(work_dir)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    marks: list[ProcessMark] = []
    deadline = time.monotonic() + 60
    while len(marks) < 6:
        assert server.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
        if state_file.exists():
            programs = json.loads(state_file.read_text())["programs"]
            marks = [ProcessMark(**program[part]) for program in programs for part in ("guard", "main")]
    assert running_stack(work_dir) is None, "it says it is ready while it starts"
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    assert not any(mark.alive for mark in marks)
    assert not stop_in_background(work_dir)
