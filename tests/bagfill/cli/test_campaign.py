"""``bagfill campaign``: from a draft to a finished campaign, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def config(place: Any, collection: Any, fill: Any, bagfill: Any) -> list[object]:
    fill(collection)
    assert bagfill("import", "primary", "--config", place.settings).code in {0, 1}
    return ["--config", place.settings]


def test_a_campaign_from_its_declaration_to_its_report(bagfill: Any, config: list[object]) -> None:
    made = bagfill(
        "campaign", "create", "shelf-2026", "--to", "shelf", "--cap", "10", "--runs-at-once", "3", "--who", "Ada",
        "--deadline", "2999-12-31", *config,
    )  # fmt: skip
    assert made.code == 0, made.err
    assert "shelf-2026: draft" in made.out
    assert "cap: 10 USD in all" in made.out
    started = bagfill("campaign", "start", "shelf-2026", *config)
    assert started.code == 0, started.err
    assert "shelf-2026: running (started)" in started.out

    paused = bagfill("campaign", "pause", "shelf-2026", "--why", "night", *config)
    assert "shelf-2026: paused (night)" in paused.out
    assert bagfill("sweep", "--campaign", "shelf-2026", *config).out.startswith("Starting 0 bags")
    assert bagfill("campaign", "resume", "shelf-2026", *config).code == 0

    for _ in range(9):
        swept = bagfill("sweep", "--campaign", "shelf-2026", "--json", *config)
        if not swept.json["starts"]:
            break
    shown = bagfill("campaign", "show", "shelf-2026", "--json", *config).json
    assert shown["ingests"]["succeeded"] > 3
    assert shown["planned_against_actual"]["bytes"]["actual"] > 0
    assert shown["planned_against_actual"]["seconds"]["planned"] is not None
    assert shown["history"][0]["who"] == "Ada"
    words = bagfill("campaign", "show", "shelf-2026", *config)
    assert "planned" in words.out
    assert "running → paused: night" in words.out
    listed = bagfill("campaign", "list", *config)
    assert "shelf-2026" in listed.out


def test_caps_are_changed_one_by_one_and_taken_away(bagfill: Any, config: list[object]) -> None:
    bagfill("campaign", "create", "c", "--to", "shelf", "--cap", "10", "--hours", "22-6", *config)
    changed = bagfill("campaign", "caps", "c", "--cap", "20.50", "--bytes-a-day", "2 TB", "--json", *config).json
    assert (changed["caps"]["money"], changed["caps"]["bytes_a_day"]) == ("20.50", 2 * 10**12)
    assert changed["caps"]["hours"] == "22-6"
    taken = bagfill("campaign", "caps", "c", "--cap", "none", "--hours", "none", "--json", *config).json
    assert (taken["caps"]["money"], taken["caps"]["hours"]) == (None, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "moon"], "destination: found 'moon', configured locations are primary, shelf"),
        (["--to", "shelf", "--cap", "much"], "--cap: found 'much', needed is an amount"),
        (["--to", "shelf", "--cap", "-1"], "money: found -1, needed is an amount that is not negative"),
        (["--to", "shelf", "--hours", "8"], "'8' are no hours of the day; write 22-6"),
        (["--to", "shelf", "--order", "best"], "--order: found 'best', allowed are smallest-first"),
        (["--to", "shelf", "--deadline", "soon"], "--deadline: found 'soon', needed is YYYY-MM-DD"),
        (["--to", "shelf", "--bags", "/nowhere"], "--bags: /nowhere cannot be read"),
        (["--to", "shelf", "--currency", "dollars"], "currency: found 'dollars'"),
        (["--to", "shelf", "--bytes-a-day", "lots"], "'lots' is no size"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_created(
    bagfill: Any, config: list[object], options: list[str], said: str
) -> None:
    refused = bagfill("campaign", "create", "c", *options, *config)
    assert refused.code == 2
    assert said in " ".join(refused.err.split())
    assert bagfill("campaign", "list", "--json", *config).json == []


def test_a_campaign_that_is_not_known_is_said_so(bagfill: Any, config: list[object]) -> None:
    for command in (["campaign", "show", "none"], ["campaign", "pause", "none"], ["sweep", "--campaign", "none"]):
        answer = bagfill(*command, *config)
        assert answer.code == 2
        assert "no campaign is named 'none'" in answer.err
    assert bagfill("sweep", "--campaign", "x", "--to", "shelf", *config).code == 2


def test_the_bags_of_a_file_are_a_scope(bagfill: Any, config: list[object], place: Any) -> None:
    known = [row["bag"] for row in bagfill("sweep", "--dry-run", "--json", *config).json["starts"]]
    names = place.folder / "bags.txt"
    names.write_text(f"# two of them\n{known[0]}\n\n{known[1]}\n")
    bagfill("campaign", "create", "two", "--to", "shelf", "--bags", names, *config)
    bagfill("campaign", "start", "two", *config)
    dry = bagfill("sweep", "--campaign", "two", "--dry-run", "--json", *config).json
    assert sorted(start["bag"] for start in dry["starts"]) == sorted(known[:2])
