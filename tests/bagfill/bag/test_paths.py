"""Paths inside a bag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.paths import BagPath, InvalidBagPath, decode_percent, encode_percent


@pytest.mark.parametrize(
    "text", ["", "/a", "~/a", "~root", "..", ".", "../a", "a/../b", "a/..", "a/./b", "data/\0", "./a"]
)
def test_what_would_leave_the_bag_cannot_be_constructed(text: str) -> None:
    with pytest.raises(InvalidBagPath):
        BagPath(text)


@pytest.mark.parametrize(
    "text", ["data/a", "data//a", "data/...", "data/a.", "data/e\u0301", "data/\u00e9", "a\\b", "data/ ~"]
)
def test_anything_else_is_kept_as_it_is(text: str) -> None:
    assert BagPath(text) == text


@pytest.mark.parametrize(("text", "path"), [("./data/a", "data/a"), ("././data/a", "data/a"), ("data/a", "data/a")])
def test_a_leading_dot_slash_of_a_manifest_is_dropped(text: str, path: str) -> None:
    assert BagPath.from_manifest(text) == path


@pytest.mark.parametrize("text", ["./", "./../a", ".//a", "./~a"])
def test_a_leading_dot_slash_hides_nothing(text: str) -> None:
    with pytest.raises(InvalidBagPath):
        BagPath.from_manifest(text)


def test_payload_is_what_is_under_data() -> None:
    assert BagPath("data/a").is_payload
    assert not BagPath("database.txt").is_payload
    assert not BagPath("data").is_payload


def test_three_escapes_are_decoded_and_no_other() -> None:
    assert decode_percent("a%0Ab%0dc%25d%20e%7Ef") == "a\nb\rc%d%20e%7Ef"
    assert decode_percent("%250A") == "%0A"


@given(st.text())
def test_any_name_survives_being_encoded_and_decoded(text: str) -> None:
    assert decode_percent(encode_percent(text)) == text
