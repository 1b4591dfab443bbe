"""``bagfill db``: the tables forward and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Run = Any


def test_there_and_back(bagfill: Run, place: Any) -> None:
    assert bagfill("db", "upgrade").code == 0
    answer = bagfill("db", "downgrade", "0007", "--yes", "--json")
    assert answer.code == 0
    assert answer.json["after"] == "0007"
    again = bagfill("db", "upgrade", "--json")
    assert (again.json["before"], again.code) == ("0007", 0)


def test_the_way_back_is_asked_about_first(bagfill: Run, place: Any) -> None:
    bagfill("db", "upgrade")
    answer = bagfill("db", "downgrade", "0007")
    assert answer.code == 2
    assert "--yes" in answer.err
    assert bagfill("db", "upgrade", "--json").json["before"] != "0007"


def test_a_revision_that_is_not_there_is_refused(bagfill: Run, place: Any) -> None:
    for revision in ("9999", "newest"):
        answer = bagfill("db", "downgrade", revision, "--yes")
        assert answer.code == 2
        assert "known are 0001" in answer.err.replace("\n", " ")


def test_an_empty_database_has_no_way_back(bagfill: Run, place: Any) -> None:
    answer = bagfill("db", "downgrade", "0001", "--yes")
    assert answer.code == 2
    assert "no way back" in answer.err.replace("\n", " ")
    assert isinstance(place.folder, Path)
