"""A worker and its broker, started and checked as docker-compose.yaml says; the whole is in test_cluster.py."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bagfill.doctor.database import examine_database
from bagfill.doctor.model import Verdict
from bagfill.settings import load_settings
from compose_cluster import ComposeCluster

pytestmark = [pytest.mark.servers, pytest.mark.airflow]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeCluster]:
    with ComposeCluster(
        tmp_path_factory.mktemp("worker"), only=("redis", "registry-migration", "worker-verify")
    ) as cluster:
        yield cluster


def test_broker_and_worker_are_healthy_by_their_own_checks(cluster: ComposeCluster) -> None:
    for service in ("redis", "worker-verify"):
        done = cluster.check(service)
        assert done.returncode == 0, done.stderr


def test_a_worker_is_found_again_after_its_broker_was_restarted(cluster: ComposeCluster) -> None:
    os.kill(cluster.supervisor.pid("redis"), signal.SIGTERM)
    deadline = time.monotonic() + 90
    while not cluster.supervisor.restarts("redis") or cluster.check("worker-verify").returncode:
        assert time.monotonic() < deadline
    assert cluster.supervisor.restarts("worker-verify") == 0


def test_the_registry_has_a_role_that_owns_it_and_nothing_else(cluster: ComposeCluster) -> None:
    given = cluster.own_environment
    findings = examine_database(load_settings(environ=given), lambda: datetime.now(UTC))
    # Made by docker/registry.sh, and brought up to date by the one-shot service.
    assert {f.code: f.diagnosis.verdict for f in findings} == {
        "database-answers-not": Verdict.GOOD,
        "database-revision": Verdict.GOOD,
        "database-rights": Verdict.GOOD,
        "database-clock": Verdict.GOOD,
    }


def test_a_service_gets_the_secrets_that_are_its_own(cluster: ComposeCluster) -> None:
    given = {path.name for path in (cluster.work / "secrets/worker-verify").iterdir()}
    assert "AIRFLOW_CONN_BAGFILL_AZURE_READ" in given
    assert "AIRFLOW_CONN_BAGFILL_AZURE_WRITE" not in given
    assert list((cluster.work / "secrets/ministack").iterdir()) == []
