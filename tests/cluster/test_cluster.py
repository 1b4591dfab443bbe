"""The production shape, started as docker-compose.yaml says: worker, broker, API server and triggerer die in it.

Takes about ten minutes and is not part of `make test`: `make test-cluster`. What is here in small is in
tests/cluster/test_worker.py.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, create_engine, text

from bagfill.demo.airflow_api import AirflowApi
from bagfill.demo.bag_maker import BagMaker, SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.content import noise
from bagfill.demo.guard import descendants
from bagfill.demo.load import archive
from bagfill.demo.write import plant, write_bag
from bagfill.ingests.model import IngestStatus
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.services import Services
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services
from compose_cluster import BUCKET, ComposeCluster, services_with_checks

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.servers,
    pytest.mark.airflow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif("BAGFILL_CLUSTER" not in os.environ, reason="takes ten minutes: make test-cluster"),
]

RESTORE_SECONDS = 20.0
WAITING = int(os.environ.get("BAGFILL_CLUSTER_WAITING", "40"))
FILMS = 3
FILM_BYTES = 120_000_000


@dataclass
class System:
    cluster: ComposeCluster
    api: AirflowApi
    services: Services
    samples: tuple[SampleBag, ...]
    airflow: Engine

    def until(self, what: str, is_so: Callable[[], bool], within: float) -> None:
        deadline = time.monotonic() + within
        while True:
            try:
                if is_so():
                    return
            except httpx.TransportError:
                # The API server is away: that is what this is about.
                pass
            assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
            time.sleep(0.5)

    def start(self, bag: str) -> str:
        space, _, identifier = bag.partition("/")
        conf = {"space": space, "external_identifier": identifier, "destination": "azure"}
        return self.api.trigger("backfill_bag", conf)

    def state(self, run_id: str) -> str:
        return str(self.api.request("GET", f"/api/v2/dags/backfill_bag/dagRuns/{run_id}")["state"])

    def count(self, query: str) -> int:
        """A number out of Airflow's own database: it answers also while the API server is away."""
        with self.airflow.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def open_runs(self, *dag_ids: str) -> int:
        named = ", ".join(f"'{dag_id}'" for dag_id in dag_ids)
        return self.count(f"SELECT count(*) FROM dag_run WHERE dag_id IN ({named}) AND state IN ('queued', 'running')")

    def task_states(self, run_id: str, task_id: str) -> set[str]:
        tasks = self.api.task_instances("backfill_bag", run_id)
        return {str(task["state"]) for task in tasks if task["task_id"] == task_id}

    def kill(self, service: str) -> None:
        """``kill -9`` of a service with everything that it started: what is left when a machine goes down."""
        supervisor = self.cluster.supervisor
        first, before = supervisor.pid(service), supervisor.restarts(service)
        children = descendants(first)
        os.kill(first, signal.SIGKILL)
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.until(f"{service} is started again", lambda: supervisor.restarts(service) > before, within=60)

    def ends_right(self, sample: SampleBag) -> bool:
        azure = self.services.locations["azure"]
        prefix = azure.version_prefix(sample.id)
        found = {info.key.removeprefix(prefix): info.size for info in self.services.stores.reading(azure).list(prefix)}
        wanted = {item.path: item.content.size for item in sample.objects}
        registered = any(replica.location == "azure" for replica in self.services.registry.replicas(sample.id))
        [ingest] = [i for i in self.services.ingests.of_bag(sample.id.bag, "azure") if i.bag_version == sample.id]
        return found == wanted and registered and ingest.status is IngestStatus.SUCCEEDED


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with ComposeCluster(tmp_path_factory.mktemp("cluster"), restore_delay=RESTORE_SECONDS) as cluster:
        given = cluster.own_environment
        with (
            cluster.api() as api,
            open_services(load_settings(environ=given), EnvironmentCredentials(given)) as services,
        ):
            airflow = create_engine(cluster.postgresql.url_of("airflow"))
            yield System(cluster, api, services, _fill(cluster, services), airflow)
            airflow.dispose()


def _fill(cluster: ComposeCluster, services: Services) -> tuple[SampleBag, ...]:
    source, destination = services.locations["primary"], services.locations["azure"]
    maker = BagMaker(BUCKET, source.prefix)
    films = [
        maker.make(f"digitised/film-{number}", 1, "a large file", {"film.mxf": noise(FILM_BYTES, 90 + number)})
        for number in range(FILMS)
    ]
    cold = [
        maker.make(
            f"cold/{number}", 1, "archived", {"tape.wav": noise(2_000, 1000 + number)}, archive_class="DEEP_ARCHIVE"
        )
        for number in range(WAITING)
    ]
    collection = sample_collection(BUCKET, source.prefix, large_file_bytes=2_000_000)
    samples = (*collection, *films, *cold)
    s3 = cluster.ministack
    access = S3Access(s3.endpoint, s3.region, access_key_id=s3.access_key, secret_access_key=s3.secret_key)
    store = S3Store(source.bucket, access, location=source.name)
    for sample in samples:
        write_bag(store, source, sample)
        plant(services.stores.writing(destination), destination, sample)
    store.close()
    import_location(services, "primary")
    archive(s3, source, samples)
    return samples


def test_every_service_is_healthy_by_its_own_check(system: System) -> None:
    checked = list(services_with_checks(system.cluster.file))
    assert len(checked) == 7
    unhealthy = {name: done.stderr for name in [*checked, "redis"] if (done := system.cluster.check(name)).returncode}
    assert unhealthy == {}


def test_a_collection_is_backfilled_while_worker_broker_and_api_server_die(system: System) -> None:
    films = [sample for sample in system.samples if "film-" in str(sample.id.bag)]
    runs = {str(sample.id): system.start(str(sample.id.bag)) for sample in films}
    # A person switches the sweep on, when the policies are right.
    system.api.request("PATCH", "/api/v2/dags/sweep_unbackfilled_bags", json={"is_paused": False})
    sweep = system.api.trigger(
        "sweep_unbackfilled_bags", {"destination": "azure", "space": "born-digital", "limit": 1000}
    )
    first = runs[str(films[0].id)]
    system.until("a film is copied", lambda: "running" in system.task_states(first, "copy"), within=240)
    system.kill("worker-copy")
    os.kill(system.cluster.supervisor.pid("redis"), signal.SIGTERM)
    system.until("the broker is back", lambda: bool(system.cluster.supervisor.restarts("redis")), within=60)
    system.kill("api-server")

    def all_ended() -> bool:
        return all(system.state(run) in {"success", "failed"} for run in runs.values())

    system.until("every film has ended", all_ended, within=900)
    assert {name: system.state(run) for name, run in runs.items()} == dict.fromkeys(runs, "success")
    assert [str(sample.id) for sample in films if not system.ends_right(sample)] == []
    assert system.api.wait_for_run("sweep_unbackfilled_bags", sweep, within=300) == "success"

    system.until("nothing runs", lambda: not system.open_runs("backfill_bag", "backfill_parcels"), within=900)
    swept = [s for s in system.samples if str(s.id.bag).startswith("born-digital/") and s.expected is None]
    assert swept
    assert [str(sample.id) for sample in swept if not system.ends_right(sample)] == []


def test_bags_that_wait_for_thaws_survive_their_triggerer(system: System) -> None:
    cold = [sample for sample in system.samples if sample.id.bag.space == "cold"]
    runs = {str(sample.id): system.start(str(sample.id.bag)) for sample in cold}

    waiting = "SELECT count(*) FROM task_instance WHERE task_id = 'thaw.wait' AND state = 'deferred'"
    system.until("bags wait", lambda: system.count(waiting) >= min(20, len(cold)), within=600)
    system.kill("triggerer")
    system.until("every run has ended", lambda: not system.open_runs("backfill_bag"), within=1800)
    assert {name: system.state(run) for name, run in runs.items()} == dict.fromkeys(runs, "success")
    assert [str(sample.id) for sample in cold if not system.ends_right(sample)] == []


def test_no_log_shows_a_secret(system: System) -> None:
    secrets = {
        value
        for name, value in system.cluster.own_environment.items()
        if name in {"PGPASSWORD", "REDIS_PASSWORD", "AIRFLOW_ADMIN_PASSWORD", "AIRFLOW__CORE__FERNET_KEY"}
    }
    # MiniStack's is the word "test".
    secrets.add(system.cluster.azurite.account_key)
    logs = [path for path in Path(system.cluster.work).rglob("*.log") if path.is_file()]
    assert logs
    assert [str(path) for path in logs if any(secret in path.read_text(errors="replace") for secret in secrets)] == []
