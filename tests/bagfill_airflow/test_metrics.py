"""Metrics reach a StatsD server with their tags, and the example rules and the dashboard ask for nothing else."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from statsd import StatsClient

from bagfill.planning.budget import Caps
from bagfill.steps.measure import measure
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.services import Policy
from bagfill_airflow.metrics import METRICS, PREFIX, Kind, metered, send_gauges
from campaign_world import CampaignWorld, planned

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXPORTED = re.compile(r"airflow_bagfill_[a-z_]+")
LINE = re.compile(r"airflow\.(?P<name>[a-z_.]+)(?P<tags>(?:,[a-z_]+=[^,:|]+)*):(?P<value>[-+0-9.]+)\|(?P<kind>c|g|ms)")


class Server:
    """A StatsD server: what it got, as an exporter would show it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.3)
        self.port = int(self._socket.getsockname()[1])

    def scrape(self) -> dict[tuple[str, str], list[tuple[frozenset[tuple[str, str]], float]]]:
        """Tags and values by name and kind."""
        found: dict[tuple[str, str], list[tuple[frozenset[tuple[str, str]], float]]] = {}
        while True:
            try:
                line = self._socket.recv(65_536).decode()
            except TimeoutError:
                return found
            match = LINE.fullmatch(line)
            assert match, line
            tags = frozenset(tuple(each.split("=", 1)) for each in match["tags"].split(",") if each)
            found.setdefault((match["name"], match["kind"]), []).append((tags, float(match["value"])))  # type: ignore[arg-type]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    client = StatsClient("127.0.0.1", server.port, prefix="airflow")
    stats.initialize(
        factory=lambda: SafeStatsdLogger(client, statsd_influxdb_enabled=True, influxdb_tags_enabled=True),
        export_legacy_names=False,
    )
    yield server
    stats.initialize(factory=stats.NoStatsLogger, export_legacy_names=False)
    server.close()


@pytest.fixture
def world() -> CampaignWorld:
    """One bag that is replicated, one whose thaw is under way, one that failed."""
    world = CampaignWorld()
    for name in ("digitised/b1", "digitised/b2", "digitised/b3"):
        world.bag(name)
    return world


def exported() -> set[str]:
    return {f"airflow_{PREFIX}{metric.name}".replace(".", "_") for metric in METRICS}


def test_everything_that_is_named_is_sent_with_its_tags(world: CampaignWorld, server: Server) -> None:
    world.run(caps=Caps(money=Decimal(1000)))
    world.archive("digitised/b1/v1", "data/0.txt")
    services = metered(replace(world.services(), policies=(Policy((), ("azure",)),)))
    request_thaw(services, planned(world).ingest)
    world.clock.advance(timedelta(hours=1))
    world.source.remove("digitised/b3/v1/bagit.txt")
    assert world.backfill("digitised/b2", "r2", rates=services.rates, ingest_ended=services.ingest_ended).succeeded
    assert not world.backfill("digitised/b3", "r3", ingest_ended=services.ingest_ended).succeeded
    assert send_gauges(measure(services)) > 0

    sent = server.scrape()
    kinds = {Kind.COUNTER: "c", Kind.GAUGE: "g", Kind.TIMER: "ms"}
    for metric in METRICS:
        values = sent.pop((f"{PREFIX}{metric.name}", kinds[metric.kind]))
        assert {tuple(sorted(dict(tags))) for tags, _ in values} == {tuple(sorted(metric.tags))}, metric.name
    assert sent == {}


def test_figures_are_those_of_the_world(world: CampaignWorld, server: Server) -> None:
    services = metered(replace(world.services(), policies=(Policy((), ("azure",)),)))
    assert world.backfill("digitised/b2", rates=services.rates, ingest_ended=services.ingest_ended, name="").succeeded
    send_gauges(measure(services))
    sent = server.scrape()
    [(_, missing)] = sent["bagfill.missing_bag_versions", "g"]
    assert missing == 2
    copied = sum(value for tags, value in sent["bagfill.bytes", "c"] if dict(tags)["step"] == "copy")
    verified = sum(value for tags, value in sent["bagfill.bytes", "c"] if dict(tags)["step"] == "verify")
    files = world.at_destination("digitised/b2/v1")
    assert copied == verified == sum(map(len, files.values()))
    assert sent["bagfill.ingests", "c"] == [(frozenset({("status", "succeeded"), ("reason", "none")}), 1.0)]


@pytest.mark.parametrize("file", ["prometheus-rules.yaml", "grafana-dashboard.json"])
def test_examples_ask_for_nothing_that_is_not_sent(file: str) -> None:
    asked = set(EXPORTED.findall((DOCS / "deploy" / file).read_text()))
    assert asked
    assert asked <= exported()


def test_the_rules_are_rules_and_the_dashboard_is_whole() -> None:
    [group] = yaml.safe_load((DOCS / "deploy" / "prometheus-rules.yaml").read_text())["groups"]
    for rule in group["rules"]:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule)
        assert {"summary", "do"} <= set(rule["annotations"])
        assert rule["expr"].count("(") == rule["expr"].count(")")
    dashboard = json.loads((DOCS / "deploy" / "grafana-dashboard.json").read_text())
    shown = set(EXPORTED.findall(json.dumps(dashboard)))
    unseen = {"airflow_bagfill_shard", "airflow_bagfill_campaign_running", "airflow_bagfill_thaw_queue_objects"}
    assert exported() - shown == unseen
