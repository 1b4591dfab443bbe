"""``bagfill audit`` and ``bagfill repair``: what they print, and their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bagfill.cli.app import app


@pytest.fixture
def replica(place: Any, fill: Any, bagfill: Any, collection: Any) -> Path:
    """The folder of a bag version that is registered at ``shelf``."""
    sound = [sample for sample in collection if str(sample.id) == "digitised/b12345672/v1"]
    fill(tuple(sound))
    assert bagfill("import", "primary").code == 0
    assert bagfill("backfill", "digitised/b12345672", "--to", "shelf").code == 0
    return Path(place.shelf.bucket) / "digitised/b12345672/v1"


def test_a_sound_location_is_good(replica: Path, bagfill: Any) -> None:
    for mode in ("list", "read", "sample"):
        answer = bagfill("audit", "shelf", "--mode", mode)
        assert answer.code == 0, answer
        assert "1 good" in answer.out

    assert "that is every file" in answer.out or "% confidence" in answer.out


def test_findings_are_exit_code_1_and_say_what_to_do(replica: Path, bagfill: Any) -> None:
    (replica / "bagit.txt").unlink()

    answer = bagfill("audit", "shelf", "digitised/b12345672")

    assert answer.code == 1
    assert "missing: digitised/b12345672/v1: bagit.txt at shelf: expected" in answer.out
    assert "    bagfill repair digitised/b12345672 v1 --at shelf" in answer.out
    document = bagfill("audit", "shelf", "--json").json
    assert document["outcome"] == "findings"
    assert [finding["path"] for finding in document["findings"]] == ["bagit.txt"]


def test_what_cannot_be_found_out_is_exit_code_2(place: Any, replica: Path, bagfill: Any) -> None:
    Path(place.shelf.bucket).rename(place.folder / "elsewhere")

    answer = bagfill("audit", "shelf")

    assert answer.code == 2, answer
    assert "unknown: digitised/b12345672/v1 at shelf" in answer.out
    assert "missing:" not in answer.out


def test_a_repair_brings_back_what_is_missing(replica: Path, bagfill: Any) -> None:
    text = (replica / "bagit.txt").read_bytes()
    (replica / "bagit.txt").unlink()

    answer = bagfill("repair", "digitised/b12345672", "v1", "--at", "shelf")

    assert answer.code == 0, answer
    assert "1 files copied again" in answer.out
    assert (replica / "bagit.txt").read_bytes() == text
    assert bagfill("audit", "shelf", "--mode", "list").code == 0
    assert bagfill("repair", "digitised/b12345672", "v1", "--at", "shelf", "--json").json["outcome"] == "whole"


def test_a_repair_tells_what_a_person_has_to_do(replica: Path, bagfill: Any) -> None:
    (replica / "stray.txt").write_text("?")

    answer = bagfill("repair", "digitised/b12345672", "v1", "--at", "shelf")

    assert answer.code == 1
    assert "nothing is ever overwritten or deleted" in answer.out
    assert f"rm {replica / 'stray.txt'}" in answer.out
    assert (replica / "stray.txt").exists()


def test_the_history_of_a_bag(replica: Path, bagfill: Any) -> None:
    assert "never audited" in bagfill("audit", "--history", "digitised/b12345672").out
    bagfill("audit", "shelf", "--mode", "read")
    bagfill("audit", "primary")

    assert "read" in bagfill("audit", "--history", "digitised/b12345672").out
    events = bagfill("audit", "--history", "digitised/b12345672", "--json").json["events"]
    assert [(event["location"], event["mode"], event["outcome"]) for event in events] == [
        ("primary", "list", "good"),
        ("shelf", "read", "good"),
    ]
    assert len(bagfill("audit", "shelf", "--history", "digitised/b12345672", "--json").json["events"]) == 1


def test_what_is_due(replica: Path, bagfill: Any) -> None:
    answer = bagfill("audit", "--due")
    document = bagfill("audit", "--due", "--json").json

    assert answer.code == 0
    assert {each["location"]: each["replicas"] for each in document["locations"]} == {"primary": 1, "shelf": 1}
    assert document["late"] is False


def test_an_audit_that_ended_can_be_shown_again(replica: Path, bagfill: Any) -> None:
    first = bagfill("audit", "shelf", "--mode", "read", "--json").json
    again = bagfill("audit", "--resume", first["id"], "--json").json

    assert again == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a LOCATION"),
        (("nowhere",), "configured locations are"),
        (("shelf", "--mode", "glance"), "allowed are list, read, sample"),
        (("--resume", "nonsense"), "is a UUID"),
        (("--resume", "00000000-0000-0000-0000-000000000000"), "was planned"),
        (("--history", "no/bag"), "is known"),
    ],
)
def test_wrong_use_is_exit_code_2(place: Any, bagfill: Any, arguments: tuple[str, ...], said: str) -> None:
    answer = bagfill("audit", *arguments)

    assert answer.code == 2
    assert said in answer.err


def test_both_commands_are_registered() -> None:
    assert {"audit", "repair"} <= {command.name for command in app.registered_commands}
