"""An installation whose pages have something to show: real replicas and receipts, failures, campaigns, thaws."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import Engine

from airflow_home import migrated_copy
from bagfill.bag.identifiers import BagId, BagVersionId, ExternalIdentifier, Space
from bagfill.campaigns.ledger import Act
from bagfill.campaigns.model import Definition, Scope
from bagfill.campaigns.sql import SqlCampaigns
from bagfill.campaigns.states import ActKind
from bagfill.database.engine import open_database
from bagfill.demo.airflow_components import AirflowComponents
from bagfill.demo.collection import sample_collection
from bagfill.demo.ports import free_port
from bagfill.demo.supervisor import Supervisor
from bagfill.demo.write import plant, write_bag
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps, Spend
from bagfill.planning.order import Order
from bagfill.settings import load_settings
from bagfill.steps.backfill import backfill
from bagfill.steps.campaign_plan import FORECAST, PLAN
from bagfill.steps.campaigns import act_on_campaign, create_campaign, start_campaign
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.local import LocalStore
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawTerms, ThawWant
from bagfill.thaw.sql_ledger import SqlThawLedger
from bagfill.wiring import open_services
from contracts.sample_manifests import sample_manifest

_REPLICATED = ("born-digital/PP MIA 2", "born-digital/bit-rot", "digitised/b30000016", "digitised/b40000019")
NASTY = "a\"b <img src=x onerror=alert(1)> 'c' & 📦 é%2F?#z"
SHOWN = BagId.parse("born-digital/PP MIA 2")
SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "primary"
provider = "local"
path = "primary"
[[locations]]
name = "azure"
provider = "local"
path = "azure"
writable = true
[[locations]]
name = "glacier"
provider = "local"
path = "glacier"
writable = true
[[policies]]
locations = ["azure"]
[[policies]]
spaces = ["digitised"]
locations = ["glacier"]
"""


@dataclass
class PagesPlace:
    """Airflow's API server on that installation, and nothing else of Airflow."""

    airflow: AirflowComponents
    settings: Path
    operator_password: str = "a-password-of-an-operator"

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Settings that name a database at which nobody answers, for a while."""
        url = f"postgresql://bagfill:a-secret-of-the-database@127.0.0.1:{free_port()}/registry"
        whole = self.settings.read_text()
        self.settings.write_text(whole.replace("sqlite:///registry.sqlite", url))
        try:
            yield
        finally:
            self.settings.write_text(whole)


@contextmanager
def pages_place(folder: Path, databases: Path) -> Iterator[PagesPlace]:
    """Fill an installation and start the API server on it; users ``viewer``, ``operator`` and ``admin``.

    Args:
        folder: for all of it.
        databases: folder of databases that were migrated before, see :func:`airflow_home.migrated_copy`.
    """
    settings = folder / "bagfill.toml"
    settings.write_text(SETTINGS)
    for name in ("primary", "azure", "glacier"):
        (folder / name).mkdir()
    airflow = AirflowComponents(
        folder,
        f"sqlite:///{folder}/airflow.db",
        {
            "BAGFILL_CONFIG": str(settings),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,operator:op",
        },
    )
    airflow._prepare()
    place = PagesPlace(airflow, settings)
    known = {"admin": airflow.password, "viewer": airflow.viewer_password, "operator": place.operator_password}
    (airflow.home / "passwords.json").write_text(json.dumps(known))
    migrated_copy(databases, folder / "airflow.db", airflow.environment)
    command = [sys.executable, "-m", "airflow", "dags", "reserialize"]
    with subprocess.Popen(command, env=airflow.environment, stdout=subprocess.DEVNULL) as reserialized:
        with open_services(load_settings(settings), EnvironmentCredentials({})) as services:
            fill(services, folder)
        assert reserialized.wait(180) == 0
    api_server = next(airflow.components())
    with Supervisor() as supervisor:
        supervisor.start(*api_server)
        yield place
    airflow.release_ports()


def fill(services: Services, folder: Path) -> None:
    """Bags, replicas, failures, a campaign under way and one that waits, thaws, a trend."""
    source = services.locations["primary"]
    samples = sample_collection("anything", large_file_bytes=1_000_000)
    for sample in samples:
        write_bag(LocalStore(folder / "primary", location="primary"), source, sample)
        plant(LocalStore(folder / "azure", location="azure"), services.locations["azure"], sample)
    import_location(services, "primary")
    for number, name in enumerate(_REPLICATED):
        bag = BagId.parse(name)
        wanted = {"space": str(bag.space), "external_identifier": str(bag.external_identifier), "destination": "azure"}
        backfill(services, BackfillRequest.parse(services, f"bag__sample-{number}", wanted))
    _many(services)
    engine = open_database(f"sqlite:///{folder}/registry.sqlite")
    _campaigns(services, engine)
    _thaws(services, engine)
    engine.dispose()


def _thaws(services: Services, engine: Engine) -> None:
    asked = (
        ("primary", ThawTier.BULK, 210, 9), ("primary", ThawTier.BULK, 140, 20), ("primary", ThawTier.BULK, 30, 41),
        ("glacier", ThawTier.STANDARD, 35, 71), ("primary", ThawTier.STANDARD, 60, 30),
    )  # fmt: skip
    for location, tier, objects, age in asked:
        then = services.clock() - timedelta(hours=age)
        ledger = SqlThawLedger(engine, lambda then=then: then)
        wants = [ThawWant(f"k{age}-{number}", "etag", 700_000_000) for number in range(objects)]
        ledger.reserve(location, wants, ThawTerms("ingest", f"chunk-{location}-{age}", tier, 7, then))
        keys = [each.key for each in wants]
        ledger.asked(location, keys, "ingest", paid=True)
        if (location, tier) == ("primary", ThawTier.STANDARD):
            ledger.readable(location, dict.fromkeys(keys, then + timedelta(days=7)))


def _many(services: Services) -> None:
    """Several hundred bags whose bytes nobody needs to have, learnt in the course of some weeks."""
    chance = Random(7)
    for number in range(240):
        space = "digitised" if number % 3 else "born-digital"
        about = BagId(Space(space), ExternalIdentifier(f"b{10_000_000 + number * 37}")).version(1)
        places = ["primary"] + (["azure"] if chance.random() < 0.35 + number / 400 else [])
        places += ["glacier"] if space == "digitised" and chance.random() < 0.93 else []
        # Fewer at first: what is replicated catches up.
        size = chance.randrange(10**8, 6 * 10**9)
        services.registry.add_bag_version(sample_manifest(about, files={"v1/data/a.mxf": size}), locations=places)
        if number % 20 == 0:
            services.registry.note_coverage(services.clock().date() - timedelta(days=60 - number // 4))
    nasty = BagId(Space.stored("digitised"), ExternalIdentifier.stored(NASTY)).version(1)
    services.registry.add_bag_version(sample_manifest(nasty), locations=["primary"])
    _failed(services, nasty, Reason.NAME_REFUSED, f"Name {NASTY} cannot be held there")
    for number in range(60):
        about = BagId(Space("digitised"), ExternalIdentifier(f"f{20_000_000 + number}")).version(1)
        services.registry.add_bag_version(sample_manifest(about), locations=["primary"])
        _failed(services, about, Reason.SOURCE_CORRUPT, f"data/page-{number}.jp2: SHA-256 of the source differs")


def _failed(services: Services, about: BagVersionId, reason: Reason, text: str, campaign: str | None = None) -> None:
    ingest = _ingest(services, about, IngestStatus.FAILED, campaign, text)
    services.ingests.open(replace(ingest, reason=reason))


def _ingest(services: Services, about: BagVersionId, status: IngestStatus, campaign: str | None, text: str) -> Ingest:
    made = services.clock() - timedelta(hours=5)
    identity = UUID(int=Random(str(about)).getrandbits(128))
    events = (IngestEvent.of(text, made + timedelta(minutes=4)),)
    return Ingest(identity, about, "primary", "azure", status, made, "bag__earlier", events, campaign=campaign)


def _campaigns(services: Services, engine: Engine) -> None:
    began = services.clock() - timedelta(hours=7)
    early = replace(services, clock=lambda: began, campaigns=SqlCampaigns(engine, lambda: began))
    caps = Caps(money=Decimal(1200))
    whole = Definition(Scope(spaces=("digitised",)), "azure", unknown_prices=True, source="primary")
    urgent = replace(
        whole,
        deadline=began + timedelta(hours=14),
        order=Order.PRIORITY,
        priorities={"digitised": 1, "digitised/b10000037": 100, "digitised/b30000016": 40},
    )
    create_campaign(early, "azure-2026", urgent, caps, who="admin")
    start_campaign(early, "azure-2026", who="admin")
    act_on_campaign(services, "azure-2026", "pause", who="operator", why="the link is needed elsewhere")
    act_on_campaign(services, "azure-2026", "resume", who="operator")
    untried = [
        each
        for each in services.registry.sizes(spaces=["digitised"])
        if "azure" not in each.locations and not services.ingests.of_bag_version(each.bag_version, "azure")
    ]
    plan = services.campaigns.remembered("azure-2026", PLAN)
    assert plan is not None
    # As it would be if the bytes were there to be looked at.
    planned = {"bytes": sum(each.bytes for each in untried), "files": sum(each.files for each in untried)}
    counted = {"bag_versions": len(untried), "money": "980.00"}
    [tier] = plan["prospects"]
    lasting = {"made": began.isoformat(), "prospects": [{**tier, "waiting": 0, "working": 8 * 3600, "money": "980.00"}]}
    services.campaigns.remember("azure-2026", PLAN, {**plan, **planned, **counted, **lasting})
    left = {"made": services.clock().isoformat(), "booked_then": "538.02"}
    rest = {"prospects": [{**tier, "waiting": 0, "working": 4 * 3600, "money": "460.00"}]}
    services.campaigns.remember("azure-2026", FORECAST, {**plan, **left, **rest})
    for number, each in enumerate(untried[: len(untried) * 3 // 4]):
        status = IngestStatus.SUCCEEDED if number % 6 else IngestStatus.PROCESSING
        ingest = _ingest(services, each.bag_version, status, "azure-2026", "Copy succeeded")
        services.ingests.open(ingest)
        spend = Spend(Decimal("12.81"), each.bytes, 12)
        services.campaigns.permit("azure-2026", Act(str(ingest.id), ActKind.COPY, "1", spend))
    create_campaign(
        services, "film-rescue", replace(whole, deadline=datetime(2032, 1, 1, tzinfo=UTC)), caps, who="admin"
    )
