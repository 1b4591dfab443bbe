"""A worker and its broker, started and checked as docker-compose.yaml says; the whole is in test_cluster.py."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from compose_cluster import ComposeCluster

pytestmark = [pytest.mark.servers, pytest.mark.airflow]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeCluster]:
    with ComposeCluster(tmp_path_factory.mktemp("worker"), only=("redis", "worker-verify")) as cluster:
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


def test_a_service_gets_the_secrets_that_are_its_own(cluster: ComposeCluster) -> None:
    given = {path.name for path in (cluster.work / "secrets/worker-verify").iterdir()}
    assert "AIRFLOW_CONN_BAGFILL_AZURE_READ" in given
    assert "AIRFLOW_CONN_BAGFILL_AZURE_WRITE" not in given
    assert list((cluster.work / "secrets/ministack").iterdir()) == []
