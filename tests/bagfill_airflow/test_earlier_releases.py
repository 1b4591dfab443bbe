"""What Airflow keeps of a run that an earlier release began: triggers, and what tasks handed to each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string

from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.references import unpack_ingests

RELEASES = sorted(path.parent for path in (Path(__file__).parents[1] / "releases").glob("*/source"))


@pytest.fixture(params=RELEASES, ids=lambda release: release.name)
def handed(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((request.param / "verified/handed.json").read_text())
    return loaded


def test_there_is_an_earlier_release() -> None:
    assert RELEASES


def test_ingests_are_unpacked_as_they_were_packed(handed: dict[str, Any]) -> None:
    assert unpack_ingests(handed["opened"]) == (IngestRef.from_json(handed["ref"]),)


def test_triggers_are_taken_over(handed: dict[str, Any]) -> None:
    """A triggerer of this release makes them out of class path and arguments as they were stored."""
    assert {path.rpartition(".")[2] for path, _ in handed["triggers"]} == {"ThawTrigger", "CampaignTrigger"}
    for path, arguments in handed["triggers"]:
        trigger = import_string(path)(**arguments)
        again_path, again = trigger.serialize()
        assert again_path == path
        # What was stored counts; what came later has its default.
        assert {name: again[name] for name in arguments} == arguments
