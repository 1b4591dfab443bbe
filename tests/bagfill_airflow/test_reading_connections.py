"""Which connections a triggerer looks up before it polls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.settings import load_settings
from bagfill.storage.batch_rules import BatchRules
from bagfill_airflow.services import reading_connections

ROLE = "arn:aws:iam::123456789012:role/batch"


def test_it_looks_up_what_reads_and_what_asks_for_many_thaws_and_nothing_that_writes() -> None:
    settings = load_settings(Path(__file__).parents[2] / "include" / "config" / "bagfill.toml", {})
    primary = replace(settings.locations["primary"], batch=BatchRules("123456789012", ROLE, "area", connection="jobs"))
    with_jobs = replace(settings, locations={**settings.locations, "primary": primary})
    assert reading_connections(settings) == {"bagfill_primary_read", "bagfill_azure_read"}
    manifests = ServiceManifests("table", "bucket", "service")
    beside = replace(settings, service_manifests=manifests, service_ingests=ServiceIngests("http://t", "arn", "topic"))
    assert reading_connections(beside) == {"bagfill_primary_read", "bagfill_azure_read", "service", "topic"}
    assert reading_connections(with_jobs) == {"bagfill_primary_read", "bagfill_azure_read", "jobs"}
