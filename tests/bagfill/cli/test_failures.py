"""``bagfill failures`` and ``bagfill retry``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

BAG = "born-digital/SATSY/1821/4"


@pytest.fixture
def config(place: Any, collection: Any, fill: Any, bagfill: Any) -> list[object]:
    fill(collection)
    assert bagfill("import", "primary", "--config", place.settings).code in {0, 1}
    return ["--config", place.settings]


def test_what_needs_a_person_is_listed_with_its_command_and_goes_when_it_was_released(
    bagfill: Any, config: list[object], place: Any
) -> None:
    assert bagfill("failures", *config).out == "Nothing needs a person.\n"
    payload = next(path for path in sorted(Path(place.source.bucket, BAG, "v1", "data").rglob("*")) if path.is_file())
    payload.write_bytes(b"something else, of another length")
    assert bagfill("backfill", BAG, "--to", "shelf", *config).code == 1

    listed = bagfill("failures", *config)
    assert listed.code == 1
    assert "source-incomplete: 1 bags, first 20" in listed.out
    assert f"then bagfill retry {BAG} --to shelf" in listed.out
    (group,) = bagfill("failures", "--json", *config).json["results"]
    assert (group["reason"], group["bags"], group["examples"][0]["bag"]) == ("source-incomplete", 1, BAG)

    released = bagfill("retry", BAG, "--to", "shelf", "--why", "restored from tape", *config)
    assert released.code == 0, released.err
    assert bagfill("failures", *config).code == 0
    assert bagfill("backfill", BAG, "--to", "shelf", *config).code == 1
    assert bagfill("retry", "--reason", "source-incomplete", "--json", *config).json == [
        {"bag": BAG, "destination": "shelf"}
    ]
    assert bagfill("retry", "--reason", "source-incomplete", *config).code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one bag as SPACE/ID, or a reason"),
        ([BAG], "--to: the location where the bag is missing"),
        ([BAG, "--to", "moon"], "destination: found 'moon'"),
        (["nonsense", "--to", "shelf"], "nonsense"),
        (["--reason", "bad-luck"], "--reason: unknown reason code 'bad-luck'"),
    ],
)
def test_what_cannot_be_released_is_said(bagfill: Any, config: list[object], arguments: list[str], said: str) -> None:
    answer = bagfill("retry", *arguments, *config)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())
