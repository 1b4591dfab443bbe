"""Names that a destination would change, merge or refuse are found among all names of a bag at once."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.held_names import NamesHeld, name_problems
from bagfill.storage.names import AZURE_NAMES, LOCAL_NAMES, S3_NAMES, NameRules

PREFIX = "digitised/b1/v1/"


def problems(rules: NameRules, held: NamesHeld, *paths: str) -> list[str]:
    return name_problems(rules, held, PREFIX, paths)


def told(found: list[str]) -> set[tuple[str, str]]:
    """Path and code of each."""
    return {(text.split(": ")[0], text.split(": ")[1]) for text in found}


@pytest.mark.parametrize("rules", [S3_NAMES, AZURE_NAMES])
def test_names_that_are_all_held_apart_are_no_problem(rules: NameRules) -> None:
    assert (
        problems(rules, NamesHeld.EXACT, "data/a", "data/A", "data/\u00e9", "data/e\u0301", "data/a b", "data/a/b")
        == []
    )


def test_a_name_that_would_be_changed_is_refused_with_the_name_it_would_get() -> None:
    (text,) = problems(AZURE_NAMES, NamesHeld.EXACT, "data/a.")
    assert "NAME-SEGMENT-ENDS-WITH-DOT" in text
    assert "it would be kept as 'digitised/b1/v1/data/a'" in text


@pytest.mark.parametrize(("one", "other"), [("data/a", "data/a."), ("data/b/c", "data/b\\c"), ("data/x", "data/x..")])
def test_names_that_azure_would_merge_are_told_with_each_other(one: str, other: str) -> None:
    assert (one, "NAME-MERGED") in told(problems(AZURE_NAMES, NamesHeld.EXACT, other, one))
    assert told(problems(S3_NAMES, NamesHeld.EXACT, other, one)) == set()


@pytest.mark.parametrize(
    ("held", "merged"),
    [
        (NamesHeld.EXACT, set()),
        (NamesHeld.CASE_INSENSITIVE, {"data/A"}),
        (NamesHeld.NFC, {"data/e\u0301"}),
        (NamesHeld.CASE_INSENSITIVE_NFC, {"data/A", "data/e\u0301"}),
    ],
)
def test_what_a_disk_holds_apart_is_as_its_settings_say(held: NamesHeld, merged: set[str]) -> None:
    found = told(problems(LOCAL_NAMES, held, "data/A", "data/a", "data/e\u0301", "data/\u00e9"))
    assert {path for path, code in found if code == "NAME-MERGED"} == merged


def test_a_name_in_another_normal_form_is_changed_where_names_are_normalised() -> None:
    assert told(problems(LOCAL_NAMES, NamesHeld.NFC, "data/e\u0301")) == {("data/e\u0301", "NAME-CHANGED")}
    assert problems(LOCAL_NAMES, NamesHeld.CASE_INSENSITIVE, "data/e\u0301") == []


def test_a_disk_cannot_hold_a_file_and_a_folder_of_one_name() -> None:
    found = told(problems(LOCAL_NAMES, NamesHeld.EXACT, "data/a", "data/a/b", "data/a/c", "data/ab/c"))
    assert found == {("data/a", "NAME-IS-A-FOLDER")}
    assert told(problems(LOCAL_NAMES, NamesHeld.CASE_INSENSITIVE, "data/A", "data/a/b")) == {
        ("data/A", "NAME-IS-A-FOLDER")
    }


NAMES = st.text(st.sampled_from("aA.\u00e9\u0301e\\/\u00df"), min_size=1, max_size=6).map("data/{}".format)


@given(st.sets(NAMES, max_size=8), st.sampled_from(NamesHeld), st.sampled_from([S3_NAMES, AZURE_NAMES, LOCAL_NAMES]))
def test_what_passes_is_held_under_names_of_its_own(names: set[str], held: NamesHeld, rules: NameRules) -> None:
    if problems(rules, held, *names):
        return
    keys = [f"{PREFIX}{name}" for name in names]
    assert [rules.stored_as(key) for key in keys] == keys
    assert len({held.identity(key) for key in keys}) == len(keys)
    if held in {NamesHeld.NFC, NamesHeld.CASE_INSENSITIVE_NFC}:
        assert all(unicodedata.is_normalized("NFC", name) for name in names)
