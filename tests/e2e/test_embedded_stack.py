"""The embedded stack with Airflow as it is for anybody: a DAG by REST, users, refusals, a file that cannot be read."""

from __future__ import annotations

import psycopg2
import pytest

from bagfill.demo.airflow_api import AirflowApi, ApiRefused
from bagfill.demo.stack import DagsNotLoaded, wait_for_dags
from bagfill.demo.surroundings import BUCKET, CONTAINER
from whole_system import WITHIN, System

pytestmark = [pytest.mark.e2e, pytest.mark.servers, pytest.mark.airflow, pytest.mark.timeout(900)]


def test_runs_a_dag_started_by_rest(system: System) -> None:
    api, run_id = system.api, system.passive["counting"]
    system.ends(run_id, "success", "counting")
    states = {(task["task_id"], task["map_index"]): task["state"] for task in api.task_instances("counting", run_id)}
    assert states == {("numbers", -1): "success", **{("state", n): "success" for n in range(3)}}
    assert api.xcom("counting", run_id, "numbers") == [0, 1, 2]
    assert api.xcom("counting", run_id, "state", map_index=2) == f"{system.stack.work_dir}/bagfill2"
    assert "counting to 3" in api.log("counting", run_id, "numbers")
    assert [run["dag_run_id"] for run in api.runs("counting")] == ["bag__one"]


def test_refuses_with_the_reason(system: System) -> None:
    with pytest.raises(ApiRefused, match="less than the minimum") as refused:
        system.api.trigger("counting", {"n": 0})
    assert refused.value.status == 400
    with pytest.raises(ApiRefused) as refused:
        system.api.trigger("nothing")
    assert refused.value.status == 404


def test_the_viewer_may_look_and_not_start(system: System) -> None:
    airflow = system.stack.airflow
    with AirflowApi(airflow.address, airflow.viewer, airflow.viewer_password) as viewer:
        assert "counting" in viewer.dag_ids()
        with pytest.raises(ApiRefused) as refused:
            viewer.trigger("counting")
    assert refused.value.status == 403


def test_a_wrong_password_does_not_let_in(system: System) -> None:
    with AirflowApi(system.stack.airflow.address, "admin", "guess") as nobody, pytest.raises(ApiRefused) as refused:
        nobody.dag_ids()
    assert refused.value.status == 401


def test_gives_bagfill_its_places(system: System) -> None:
    environment = system.stack.airflow.environment
    assert (environment["BAGFILL_PRIMARY_BUCKET"], environment["BAGFILL_AZURE_CONTAINER"]) == (BUCKET, CONTAINER)
    with psycopg2.connect(environment["BAGFILL_DATABASE"].replace("+psycopg2", "")) as connection:
        assert connection.info.dbname == "registry"
    connection.close()


def test_a_file_that_cannot_be_imported_is_reported(system: System) -> None:
    folder = system.stack.airflow.dags_folder
    broken = folder / "broken.py"
    broken.write_text("from airflow.sdk import dag\nimport no_such_module_here\n")
    try:
        with pytest.raises(DagsNotLoaded, match="no_such_module_here"):
            wait_for_dags(system.api, folder, within=WITHIN)
    finally:
        broken.unlink()
