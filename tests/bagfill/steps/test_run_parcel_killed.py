"""A parcel whose process is killed by the system, on real files and a real database, and what its retry finds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import IngestStatus
from bagfill.planning.parcels import Parcel
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.parcel_bag import BagEnd
from bagfill.steps.run_parcel import close_parcels, run_parcel
from bagfill.steps.services import Services
from bagfill.steps.shipments import Shipment, ShipmentRecords
from bagfill.steps.sweep import find_unbackfilled
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from world import bag_files

SETTINGS = """
[registry]
database = "sqlite:///state/registry.sqlite"
[work_area]
path = "state/work"
[receipts]
path = "state/receipts"
[manifests]
path = "state/manifests"
[[locations]]
name = "old"
provider = "local"
path = "old"
[[locations]]
name = "new"
provider = "local"
path = "new"
writable = true
[[policies]]
spaces = []
locations = ["new"]
"""
BAGS = [BagId.parse(f"digitised/b{number}") for number in range(12)]
TASK = """
import os, sys
from pathlib import Path
from bagfill.settings import load_settings
from bagfill.steps.run_parcel import run_parcel
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services

with open_services(load_settings(Path(sys.argv[1])), EnvironmentCredentials({})) as services:
    # A line in one write: threads that end together would mix theirs.
    tell = lambda bag: os.write(1, f"{bag.bag} {bag.end}\\n".encode())
    run_parcel(services, sys.argv[2], 0, last_try=False, ended=tell)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "bagfill.toml").write_text(SETTINGS)
    for folder in ("state", "new"):
        (tmp_path / folder).mkdir()
    for bag in BAGS:
        version = tmp_path / "old" / str(bag) / "v1"
        for path, data in bag_files(bag, {"a.txt": b"alpha", "b.txt": str(bag).encode()}).items():
            (version / path).parent.mkdir(parents=True, exist_ok=True)
            (version / path).write_bytes(data)
    return tmp_path / "bagfill.toml"


@pytest.fixture
def services(settings: Path) -> Iterator[Services]:
    with open_services(load_settings(settings), EnvironmentCredentials({})) as services:
        assert import_location(services, "old").is_clean
        yield services


def start(settings: Path, shipment: Shipment) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TASK, str(settings), shipment.id], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )


@pytest.mark.parametrize("after", [1, 7])
def test_every_bag_ends_right_when_a_parcel_was_killed_in_the_middle(
    settings: Path, services: Services, after: int
) -> None:
    shipment = ShipmentRecords(services.work).write([Parcel(find_unbackfilled(services, limit=99).starts)])
    with start(settings, shipment) as task:
        assert task.stdout is not None
        before = [task.stdout.readline().split()[0] for _ in range(after)]
        task.send_signal(signal.SIGKILL)
    assert task.returncode == -signal.SIGKILL

    ended = run_parcel(services, shipment.id, 0)
    assert {bag.bag: bag.end for bag in ended.bags} == {str(bag): BagEnd.REGISTERED for bag in BAGS}
    for bag in BAGS:
        [ingest] = services.ingests.of_bag(bag, "new")
        assert ingest.status is IngestStatus.SUCCEEDED
        [old, new] = services.registry.replicas(bag.version(1))
        assert (old.location, new.location, new.ingest_id) == ("old", "new", str(ingest.id))
        assert services.registry.claim_of(bag.version(1), "new") is None
    # What the killed task had finished was not done again: those bags have the ingests that it closed.
    assert {bag.bag for bag in ended.bags if bag.files == 0} >= set(before)
    assert len(list(services.registry.seals("new"))) == len(BAGS)
    assert close_parcels(services, shipment) == 0
    assert find_unbackfilled(services, limit=9).starts == ()
