"""The report of a world in which something failed, something runs and something is missing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps
from bagfill.steps.records import RecordStore
from bagfill.steps.services import Policy
from bagfill.steps.standing import look_at_standing
from bagfill.steps.write_report import WrittenReport, write_report
from bagfill.storage.errors import StoreError
from bagfill.storage.local import LocalStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from campaign_world import CampaignWorld
from full_disk import no_file_beyond

V1 = "digitised/b1/v1"


@pytest.fixture
def world() -> CampaignWorld:
    made = CampaignWorld()
    made.bag()
    return made


def folder(written: WrittenReport) -> str:
    """Its name among the records."""
    return written.folder[written.folder.index("_reports/") :]


def test_a_report_is_a_folder_of_page_tables_and_json(world: CampaignWorld) -> None:
    world.run(caps=Caps(money=Decimal(1000)))
    services = replace(world.services(), policies=(Policy((), ("azure",)),))
    written = write_report(services)
    names = [name.rpartition("/")[2] for name in services.receipts.names("_reports/")]
    assert names == [
        "audits.csv", "campaigns.csv", "coverage.csv", "failures.csv", "open_ingests.csv", "report.html", "report.json",
    ]  # fmt: skip
    document = services.receipts.read_json(f"{folder(written)}report.json")
    assert document is not None
    assert [row["missing_bag_versions"] for row in document["coverage"] if row["location"] == "azure"] == [1]
    text = (services.receipts.read_bytes(f"{folder(written)}campaigns.csv") or b"").decode()
    [campaign] = csv.DictReader(io.StringIO(text, newline=""))
    assert (campaign["state"], campaign["cap"]) == ("running", "1000")
    assert written.to_json()["missing_bag_versions"] == 1


def test_no_cell_of_a_report_is_a_formula_whatever_bags_and_campaigns_are_named(world: CampaignWorld) -> None:
    odd = '=HYPERLINK("http:x") <i>📦/b1'
    world.bag(odd)
    world.source.remove(f"{odd}/v1/bagit.txt")
    world.run()
    assert not world.backfill(odd).succeeded
    services = world.services()
    written = write_report(services)
    seen = ""
    for table in ("coverage", "failures", "campaigns"):
        text = (services.receipts.read_bytes(f"{folder(written)}{table}.csv") or b"").decode()
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        seen += "".join(cells)
    assert "'=HYPERLINK" in seen
    assert "📦" in seen


def test_what_failed_is_counted_with_the_command_that_resolves_it(world: CampaignWorld) -> None:
    world.run()
    world.source.remove(f"{V1}/bagit.txt")
    assert not world.backfill().succeeded
    [failure] = look_at_standing(world.services()).failures
    assert (failure.reason, failure.bags, failure.example) == ("source-incomplete", 1, "digitised/b1")
    assert "bagfill validate digitised/b1/v1" in failure.command


def test_reports_before_make_the_trend(world: CampaignWorld) -> None:
    services = replace(world.services(), policies=(Policy((), ("azure",)),))
    write_report(services)
    world.clock.advance(timedelta(days=1))
    world.run()
    assert world.backfill().succeeded
    written = write_report(services)
    page = (services.receipts.read_bytes(f"{folder(written)}report.html") or b"").decode()
    assert "Coverage over time" in page
    assert "<polyline" in page


def test_a_full_disk_is_a_passing_failure_and_what_was_written_of_a_report_is_never_taken_for_one(
    world: CampaignWorld, tmp_path: Path
) -> None:
    services = replace(world.services(), reports=RecordStore(LocalStore(tmp_path, location="reports")))
    with no_file_beyond(1000), pytest.raises(StoreError, match="the disk is full") as full:
        write_report(services)
    assert full.value.failure.retryable
    assert any(tmp_path.glob("_reports/*/*.csv"))
    assert not any(tmp_path.glob("_reports/*/report.*"))
    world.clock.advance(timedelta(minutes=1))
    page = (tmp_path / write_report(services).folder / "report.html").read_text()
    assert "<polyline" not in page, "half a report is a point of the trend"


def test_a_place_of_their_own_is_used_where_one_is_declared(world: CampaignWorld) -> None:
    place = RecordStore(MemoryStore(MemoryBucket(), location="reports"), "of-bagfill/")
    written = write_report(replace(world.services(), reports=place))
    assert (written.location, written.folder.startswith("of-bagfill/_reports/")) == ("reports", True)
    assert list(world.services().receipts.names("_reports/")) == []


def test_campaigns_that_ended_long_ago_are_left_out(world: CampaignWorld) -> None:
    world.run()
    assert world.backfill().succeeded
    world.move(CampaignState.CANCELLED)
    services = world.services()
    assert len(look_at_standing(services, since=world.clock() - timedelta(days=7)).campaigns) == 1
    assert look_at_standing(services).campaigns == ()
