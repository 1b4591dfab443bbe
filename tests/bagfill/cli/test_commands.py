"""The commands, on two folders."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Samples = Any
FOUR = ("digitised/b12345672/v1", "digitised/b12345672/v2", "digitised/b12345672/v3", "born-digital/bit-rot/v1")


@pytest.fixture
def four(collection: Samples, fill: Any) -> Samples:
    samples = tuple(sample for sample in collection if str(sample.id) in FOUR)
    fill(samples)
    return samples


def test_a_log_file_gets_a_line_for_each_shard_and_each_decision(bagfill: Any, four: Samples, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert bagfill("--log-file", log, "import", "primary").code == 0
    assert bagfill("--log-file", log, "backfill", "digitised/b12345672", "--to", "shelf").code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for event in ("ingest opened", "planned", "shard copied", "shard verified", "registered", "ingest ended"):
        versions = [line["version"] for line in lines if line["event"] == event]
        assert versions == ["v1", "v2", "v3"], event
    assert all(line["ingest"] for line in lines)
    # Another command adds to it; one without the option does not.
    length = len(lines)
    assert bagfill("--log-file", log, "backfill", "born-digital/bit-rot", "--to", "shelf").code == 1
    assert bagfill("backfill", "digitised/b12345672", "--to", "shelf").code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()[length:]]
    [failed] = [line for line in lines if line["event"] == "step failed"]
    assert failed["reason"] == "source-corrupt"
    assert {line["bag"] for line in lines} == {"born-digital/bit-rot"}


def test_a_log_file_that_cannot_be_written_is_refused_before_anything_is_done(
    bagfill: Any, place: Any, four: Samples, tmp_path: Path
) -> None:
    assert bagfill("import", "primary").code == 0
    refused = bagfill(
        "--log-file", tmp_path / "no such folder" / "log", "backfill", "digitised/b12345672", "--to", "shelf"
    )
    assert refused.code == 2
    assert "No such file or directory" in refused.err
    assert not list(Path(place.shelf.bucket).rglob("b12345672"))


def test_import_then_backfill_then_coverage(bagfill: Any, place: Any, four: Samples) -> None:
    imported = bagfill("import", "primary", "--json")
    assert (imported.code, imported.json["counts"]["imported"]) == (0, 4)
    before = bagfill("coverage", "digitised", "--json")
    assert (before.code, before.json["missing_bag_versions"]) == (1, 3)

    done = bagfill("backfill", "digitised/b12345672", "--to", "shelf", "--json")
    assert done.code == 0
    assert [ingest["status"] for ingest in done.json["ingests"]] == ["succeeded"] * 3
    for sample in four[1:]:
        copied = Path(place.shelf.bucket) / str(sample.id)
        assert {p.relative_to(copied).as_posix() for p in copied.rglob("*") if p.is_file()} == {
            item.path for item in sample.objects
        }
    assert bagfill("coverage", "digitised").code == 0
    assert bagfill("coverage").code == 1

    again = bagfill("backfill", "digitised/b12345672", "--to", "shelf", "--json")
    assert (again.code, len(again.json["already_there"])) == (0, 3)


def test_a_corrupt_bag_fails_with_its_reason(bagfill: Any, four: Samples) -> None:
    bagfill("import", "primary")
    done = bagfill("backfill", "born-digital/bit-rot", "--to", "shelf", "--json")
    assert done.code == 1
    (ingest,) = done.json["ingests"]
    assert ingest["reason"] == "source-corrupt"

    shown = bagfill("ingest", ingest["ingest_id"], "--json")
    assert (shown.code, shown.json["status"]["id"]) == (0, "failed")
    assert shown.json["bag"]["info"]["version"] == "v1"
    words = bagfill("ingest", ingest["ingest_id"])
    assert "source-corrupt" in words.out
    assert words.code == 0


def test_unknown_bags_and_ingests_are_negative_answers(bagfill: Any, place: Any) -> None:
    unknown = bagfill("backfill", "digitised/none", "--to", "shelf", "--json")
    assert (unknown.code, unknown.json["failure"]["reason"]) == (1, "no-such-bag")
    assert bagfill("ingest", "7a6d6a0e-95d3-4d8c-8b6f-4c6e8f1d2f00").code == 1


def test_sweep_says_what_it_would_start_then_does_it(bagfill: Any, four: Samples) -> None:
    bagfill("import", "primary")
    dry = bagfill("sweep", "--dry-run", "--json")
    assert dry.code == 0
    assert [start["bag"] for start in dry.json["starts"]] == ["born-digital/bit-rot", "digitised/b12345672"]
    assert bagfill("sweep", "--dry-run", "--limit", "1", "--json").json["starts"] == dry.json["starts"][:1]
    real = bagfill("sweep", "--json")
    assert real.code == 1
    assert [done["succeeded"] for done in real.json["done"]] == [False, True]
    later = bagfill("sweep", "--json").json
    assert (later["starts"], later["skipped"][0]["bag"]) == ([], "born-digital/bit-rot")


def test_coverage_as_csv(bagfill: Any, four: Samples) -> None:
    bagfill("import", "primary")
    rows = list(csv.DictReader(io.StringIO(bagfill("coverage", "--csv").out)))
    assert {(row["space"], row["location"], row["wanted"], row["missing_bag_versions"]) for row in rows} == {
        ("born-digital", "primary", "no", "0"),
        ("born-digital", "shelf", "yes", "1"),
        ("digitised", "primary", "no", "0"),
        ("digitised", "shelf", "yes", "3"),
    }


def test_tables_are_whole_in_a_pipe(bagfill: Any, four: Samples) -> None:
    bagfill("import", "primary")
    assert "0 of 3" in bagfill("coverage").out
    assert "born-digital" in bagfill("coverage").out


def test_import_tells_what_it_left_out(bagfill: Any, place: Any, four: Samples) -> None:
    (Path(place.source.bucket) / "digitised/b12345672/v1/bag-info.txt").unlink()
    answer = bagfill("import", "primary")
    assert answer.code == 1
    assert "digitised/b12345672/v1: not sound" in answer.out
    assert bagfill("import", "primary", "--space", "born-digital").code == 0


def test_locations_are_listed_and_checked(bagfill: Any, place: Any) -> None:
    listed = bagfill("locations", "--json")
    assert listed.code == 0
    assert [found["name"] for found in listed.json["locations"] if found["kind"] == "location"] == ["primary", "shelf"]
    assert bagfill("locations", "--check").code == 0
    shutil.rmtree(place.source.bucket)
    broken = bagfill("locations", "--check", "--json")
    assert broken.code == 1
    assert [found["name"] for found in broken.json["locations"] if not found["ok"]] == ["primary"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["import", "nowhere"], "configured locations are primary, shelf"),
        (["backfill", "no-slash", "--to", "shelf"], "SPACE/ID"),
        (["backfill", "a/b", "--to", "primary"], "reading only"),
        (["backfill", "a/b", "--to", "shelf", "--version", "7", "--thaw-tier", "Warp"], "thaw_tier"),
        (["sweep", "--to", "primary", "--dry-run"], "no policy"),
        (["ingest", "not-a-uuid"], "UUID"),
        (["coverage", "--config", "/nowhere/x.toml"], "no such file"),
        (["--config", "/nowhere/x.toml", "coverage"], "no such file"),
        (["validate", "/nowhere/bag"], "no such folder"),
        (["validate", "gopher://x/y"], "s3://bucket/prefix"),
        (["validate", "/tmp", "--profile", "strict"], "bagit, storage-service"),
    ],
)
def test_wrong_use_is_told_in_words(bagfill: Any, place: Any, arguments: list[str], told: str) -> None:
    answer = bagfill(*arguments)
    assert answer.code == 2
    assert told in " ".join(answer.err.split())
    assert answer.out == ""
    assert "Traceback" not in answer.err
    as_json = bagfill(*arguments, "--json")
    assert as_json.code == 2
    assert told in " ".join(as_json.json["error"]["problems"])


def test_csv_and_json_exclude_each_other(bagfill: Any, place: Any) -> None:
    answer = bagfill("coverage", "--csv", "--json")
    assert (answer.code, answer.json["error"]["problems"]) == (2, ["--csv and --json exclude each other"])


def test_broken_settings_name_every_key(bagfill: Any, place: Any) -> None:
    place.settings.write_text(place.settings.read_text() + "[limits]\nconcurrency = 0\ncolour = 1\n")
    answer = bagfill("coverage")
    assert answer.code == 2
    assert "limits.concurrency" in answer.err
    assert "limits.colour" in answer.err


def test_a_database_that_may_not_be_migrated_is_told(bagfill: Any, place: Any) -> None:
    text = place.settings.read_text().replace("[registry]", "[registry]\nauto_migrate = false")
    place.settings.write_text(text)
    answer = bagfill("coverage")
    assert answer.code == 2
    assert "bagfill db upgrade" in answer.err
    upgraded = bagfill("db", "upgrade", "--json")
    assert (upgraded.code, upgraded.json["before"]) == (0, None)
    assert bagfill("coverage").code == 0
    assert bagfill("db", "upgrade").out.endswith("as before.\n")


def test_as_a_program_with_nothing_but_json_on_stdout(place: Any, four: Samples) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "include")}
    done = subprocess.run(
        [sys.executable, "-m", "bagfill", "import", "primary", "--json"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")
    assert done.stderr == b""


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom bagfill.cli import main\nsys.argv = ['bagfill', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'boto3', 'azure', 'obstore', 'sqlalchemy', 'pydantic', 'httpx', 'airflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "include")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"backfill" in done.stdout
