"""``bagfill waive`` and ``bagfill waivers``: what is refused and why, and what a waiver brings about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DOTTED = "born-digital/SATSY/1821/4"


@pytest.fixture
def config(place: Any, collection: Any, fill: Any, bagfill: Any) -> list[object]:
    fill(collection)
    text = place.settings.read_text()
    place.settings.write_text(text + '[rules]\nprofile = "storage-service"\n')
    assert bagfill("import", "primary", "--config", place.settings).code in {0, 1}
    return ["--config", place.settings]


def name_with_dot(bagfill: Any, place: Any) -> str:
    found = bagfill("validate", Path(place.source.bucket) / DOTTED / "v1", "--json").json["findings"]
    return str(next(each["path"] for each in found if each["code"] == "NAME-ENDS-IN-DOT"))


def test_a_known_legacy_file_is_let_through_and_the_receipt_says_so(
    bagfill: Any, place: Any, config: list[object]
) -> None:
    refused = bagfill("backfill", DOTTED, "--to", "shelf", *config)
    assert refused.code == 1
    assert "NAME-ENDS-IN-DOT" in refused.out + refused.err
    path = name_with_dot(bagfill, place)
    granted = bagfill(
        "waive", DOTTED, "v1", "--code", "NAME-ENDS-IN-DOT", "--path", path, "--why", "in use since 2019",
        "--who", "Ada", *config,
    )  # fmt: skip
    assert granted.code == 0, granted.err
    listed = bagfill("waivers", *config, "--json").json
    assert [(each["bag_version"], each["path"], each["who"]) for each in listed] == [(f"{DOTTED}/v1", path, "Ada")]
    assert bagfill("backfill", DOTTED, "--to", "shelf", *config).code == 0
    receipts = [file.read_text() for file in (place.folder / "receipts").rglob("*.json*")]
    assert any("in use since 2019" in text for text in receipts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--code": "FILE-CHECKSUM"}, "FILE-CHECKSUM cannot be waived; rules that can be waived are BAG-INFO-DATE"),
        ({"--code": "NONSENSE"}, "'NONSENSE', which is no rule"),
        ({"--path": "data/none"}, "'data/none', which is no file of born-digital/SATSY/1821/4/v1"),
        ({"--why": "  "}, "--why: is empty"),
        ({"--until": "2001-01-01"}, "--until: 2001-01-01 is over"),
        ({"--until": "soon"}, "--until: found 'soon', allowed is YYYY-MM-DD"),
        ({"version": "v9"}, "born-digital/SATSY/1821/4/v9 is not known"),
        ({"version": "nine"}, "Cannot parse version string"),
    ],
)
def test_what_cannot_be_waived_is_refused_with_the_reason(
    bagfill: Any, config: list[object], change: dict[str, str], said: str
) -> None:
    options = {"--code": "NAME-ENDS-IN-DOT", "--why": "known", **change}
    version = options.pop("version", "v1")
    words = [word for option in options.items() for word in option]
    answer = bagfill("waive", DOTTED, version, *words, *config)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert bagfill("waivers", "--all", *config, "--json").json == []


def test_a_waiver_can_be_ended_and_is_remembered(bagfill: Any, place: Any, config: list[object]) -> None:
    about = [DOTTED, "v1", "--code", "NAME-ENDS-IN-DOT", "--path", name_with_dot(bagfill, place)]
    assert bagfill("waive", *about, "--why", "known", *config).code == 0
    assert bagfill("waive", *about, "--why", "repaired", "--end", *config).code == 0
    assert bagfill("waivers", *config, "--json").json == []
    assert "No waivers hold" in bagfill("waivers", *config).out
    assert [each["why"] for each in bagfill("waivers", "--all", *config, "--json").json] == ["known", "repaired"]
    again = bagfill("waive", *about, "--why", "repaired", "--end", *config)
    assert again.code == 2
    assert "has no waiver" in again.err
    assert bagfill("backfill", DOTTED, "--to", "shelf", *config).code == 1


def test_the_list_can_be_of_one_space(bagfill: Any, place: Any, config: list[object]) -> None:
    assert bagfill("waive", DOTTED, "v1", "--code", "TAG-MANIFESTS-WEAK", "--why", "old", *config).code == 0
    assert bagfill("waivers", "--space", "digitised", *config, "--json").json == []
    assert len(json.loads(bagfill("waivers", "--space", "born-digital", *config, "--json").out)) == 1
    assert "the bag" in bagfill("waivers", *config).out
