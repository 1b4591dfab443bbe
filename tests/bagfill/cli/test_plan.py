"""``bagfill plan``: from the registry, and from a list without access to anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bagfill.database.engine import open_database
from bagfill.planning.rates import Activity, ShardTiming
from bagfill.rates.log import ShardDone
from bagfill.rates.sql import SqlRateLog
from bagfill.settings.simulation import SHIPPED


@pytest.fixture
def known(collection: Any, fill: Any, bagfill: Any) -> None:
    fill(collection)
    bagfill("import", "primary")


def test_everything_missing_is_planned_and_nothing_changes(bagfill: Any, known: None, place: Any) -> None:
    before = sorted(path for path in place.folder.rglob("*") if "sqlite" not in path.name)
    planned = bagfill("plan", "--to", "shelf", "--json").json
    assert sorted(path for path in place.folder.rglob("*") if "sqlite" not in path.name) == before
    coverage = bagfill("coverage", "--json").json
    assert planned["bag_versions"] + _refused(planned) == coverage["missing_bag_versions"]
    assert planned["looked"] == "listed"
    assert sum(each["bytes"] for each in planned["storage_classes"]) == planned["bytes"]
    (tier,) = planned["tiers"]
    assert tier["total"] == {"money": {"USD": "0.00"}, "unknown_prices": []}
    assert [step["step"] for step in tier["time"]["steps"]] == ["copy", "verify"]


def _refused(planned: Any) -> int:
    return sum(each["bag_versions"] for each in planned["cannot_go"].values())


def test_a_scope_is_a_bag_a_space_a_prefix_or_a_list(bagfill: Any, known: None, tmp_path: Path) -> None:
    def versions(*scope: str) -> int:
        found = bagfill("plan", "--to", "shelf", "--json", *scope).json
        return int(found["bag_versions"])

    names = tmp_path / "names"
    names.write_text("# three versions\n\ndigitised/b12345672\ndigitised/b12345672\n")
    assert versions("digitised/b12345672") == versions("--list", str(names)) == 3
    assert versions("--prefix", "digitised/b123") == 3
    assert versions("--space", "digitised") > 3
    assert versions("--space", "nothing-here") == 0


def test_a_plan_says_over_what_its_rates_were_measured(bagfill: Any, known: None, place: Any) -> None:
    assert "(declared)" in bagfill("plan", "--to", "shelf").out
    engine = open_database(f"sqlite:///{place.folder}/registry.sqlite")
    rates = SqlRateLog(engine)
    for number in range(12):
        timing = ShardTiming(1, 10**9, 50.0, datetime(2026, 5, 1, number, tzinfo=UTC), 50.0)
        rates.shard_done(ShardDone("primary", "shelf", Activity.COPY, f"i{number}", 0, timing))
    engine.dispose()
    words = " ".join(bagfill("plan", "--to", "shelf").out.split())
    assert "measured over 12 shards until 2026-05-01, 1.0 workers at once); reading back" in words
    assert bagfill("plan", "--to", "shelf", "--json").json["rates"]["copy"]["measured_shards"] == 12


def test_what_is_there_already_is_not_planned(bagfill: Any, known: None) -> None:
    bagfill("backfill", "digitised/b12345672", "--to", "shelf")
    planned = bagfill("plan", "digitised/b12345672", "--to", "shelf", "--json")
    assert (planned.code, planned.json["bag_versions"], planned.json["at_destination_already"]) == (0, 0, 3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--to", "moon"], "--to: found 'moon', configured locations are primary, shelf"),
        (["--to", "shelf", "--from", "moon"], "--from: found 'moon'"),
        (["--to", "shelf", "nothing/known"], "bag: nothing/known is not known; `bagfill import LOCATION`"),
        (["--to", "shelf", "--space", "a", "--prefix", "a"], "scope: found space and prefix; give one"),
        (["--to", "shelf", "--look", "hard"], "--look: found 'hard', allowed are auto, all"),
        ([], "name the destination with --to LOCATION"),
    ],
)
def test_wrong_use_is_told_in_words(bagfill: Any, place: Any, arguments: list[str], expected: str) -> None:
    answer = bagfill("plan", *arguments)
    assert answer.code == 2
    assert expected in answer.err


def test_a_price_table_that_is_wrong_stops_the_plan(bagfill: Any, known: None, place: Any) -> None:
    text = place.settings.read_text().replace('path = "shelf"', 'path = "shelf"\nprices = "ours"')
    place.settings.write_text(text)
    (place.folder / "prices").mkdir()
    table = place.folder / "prices" / "ours.toml"
    shipped = Path(__file__).parents[3] / "include" / "config" / "prices" / "free.toml"
    table.write_text(shipped.read_text().replace("[storage]\nlocal = 0", "[storage]\nlocal = -1"))
    answer = bagfill("plan", "--to", "shelf")
    assert answer.code == 2
    assert "ours.toml,line12:storage.local:found-1" in "".join(answer.err.split())


CSV = """key,size,storage_class
digitised/b1/v1/bagit.txt,55,STANDARD
digitised/b1/v1/data/a.tif,107374182400,GLACIER
digitised/b2/v1/data/b.tif,107374182400,DEEP_ARCHIVE
"""


def test_a_list_is_planned_without_access_to_anything(bagfill: Any, place: Any, tmp_path: Path) -> None:
    listed = tmp_path / "objects.csv"
    listed.write_text(CSV)
    tables = ("--prices-from", "aws-us-east-1", "--prices-to", "azure-eastus2")
    planned = bagfill("plan", "--inventory", listed, *tables, "--days", "30", "--json")
    assert planned.code == 0
    assert (planned.json["bag_versions"], planned.json["archived_files"]) == (2, 2)
    by_tier = {tier["tier"]: tier for tier in planned.json["tiers"]}
    assert set(by_tier) == {"Expedited", "Standard", "Bulk"}
    assert by_tier["Expedited"]["instead"] == {"DEEP_ARCHIVE": "Standard"}
    lines = {line["code"]: line["money"] for line in by_tier["Standard"]["lines"]}
    # 100 GB from each class, and their copies kept for a month.
    assert (lines["thaw-retrieval"], lines["thaw-storage"], lines["transfer-out"]) == ("3.00", "4.60", "9.00")
    words = bagfill("plan", "--inventory", listed, *tables)
    assert "Expedited is not offered for DEEP_ARCHIVE: asked for as Standard" in words.out
    assert not (place.folder / "registry.sqlite").exists()


def test_without_prices_the_money_is_unknown(bagfill: Any, place: Any, tmp_path: Path) -> None:
    listed = tmp_path / "objects.csv"
    listed.write_text(CSV)
    answer = bagfill("plan", "--inventory", listed)
    assert "unknown price: the source (name it with --from, or its prices with --prices-from)" in answer.out


def test_a_campaign_is_simulated_and_drawn(bagfill: Any, place: Any, tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    shipped = (SHIPPED / "wellcome-2020.toml").read_text()
    small = shipped.replace("260_000", "300").replace("80_000_000", "9_000").replace('"60 TB"', '"20 GB"')
    profile.write_text(small)
    picture = tmp_path / "course.svg"
    found = bagfill("simulate", str(profile), "--seed", "4", "--picture", str(picture), "--json").json
    assert (found["profile"], found["seed"], found["bags"], found["files"]) == ("mine", 4, 300, 9_000)
    assert found["cap_overshoot"] == found["expired_unverified"] == 0
    assert {"bytes", "virtual_days", "days_to_99_percent", "cost", "cap", "wall_seconds", "peak_rss_mb"} <= found.keys()
    assert found["naive"]["verified_bags"] == 300
    assert "<svg" in picture.read_text()
    assert "cap" in bagfill("simulate", str(profile)).out
    # A cap that is too low: the answer is no.
    profile.write_text(small.replace('cap = "7000"', 'cap = "0.10"'))
    stopped = bagfill("simulate", str(profile), "--json")
    assert stopped.code == 1
    assert stopped.json["stopped"] is not None
    assert stopped.json["cap_overshoot"] == 0


def test_a_simulation_of_nothing_is_refused_before_it_begins(bagfill: Any, place: Any, tmp_path: Path) -> None:
    for arguments, said in ((("moon",), "moon"), (("wellcome-2020", "--picture", "course.txt"), ".svg")):
        answer = bagfill("simulate", *arguments)
        assert answer.code == 2
        assert said in answer.err
