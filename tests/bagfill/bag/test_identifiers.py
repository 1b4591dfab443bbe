"""The names of bags and bag versions."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, ExternalIdentifier, InvalidIdentifier, Space


@pytest.mark.parametrize(
    "text", ["b12345678", "PP MIA 1", "PP/MIA/1", "PP-MIA-1", "PP_MIA_1", "PP.MIA.1", "v1", "versions", "a.b/c..d"]
)
def test_an_identifier_the_storage_service_allows_is_allowed(text: str) -> None:
    assert str(ExternalIdentifier(text)) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("b1/versions", "cannot end with /versions"),
        ("b1/v1", "cannot end with a version string"),
        ("b1/v0", "cannot end with a version string"),
        ("b1/v200", "cannot end with a version string"),
        ("b1/v2/a", "cannot contain a version string"),
        ("v2/a", "cannot start with a version string"),
        ("/PP/MIA", "cannot start with a slash"),
        ("PP/MIA/", "cannot end with a slash"),
        ("PP//MIA", "cannot contain consecutive slashes"),
        ("PP  MIA", "cannot contain consecutive spaces"),
        ("-abc123", "must begin with a Basic Latin letter or digit"),
        ("abc123_", "must end with a Basic Latin letter or digit"),
        ("abc\n", "must end with a Basic Latin letter or digit"),
        ("m\u00e5lare", "can only contain characters in the class [-_/ .a-zA-Z0-9]"),
        ("miro+space", "can only contain characters in the class [-_/ .a-zA-Z0-9]"),
        ("miro%20space", "can only contain characters in the class [-_/ .a-zA-Z0-9]"),
        ("a/../b", "cannot contain a . or .. path segment"),
        ("a/./b", "cannot contain a . or .. path segment"),
        # Several rules are broken: the first is reported.
        ("/v1", "cannot end with a version string"),
        ("//", "cannot start with a slash"),
    ],
)
def test_an_identifier_it_forbids_gets_its_text(text: str, rule: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        ExternalIdentifier(text)
    assert str(refused.value) == f"External identifier {rule}, was {text}"
    assert refused.value.rule == f"External identifier {rule}"
    assert ExternalIdentifier.stored(text).is_legacy


def test_an_empty_identifier_is_refused_even_from_stored_data() -> None:
    for make in (ExternalIdentifier, ExternalIdentifier.stored):
        with pytest.raises(InvalidIdentifier) as refused:
            make("")
        assert str(refused.value) == "External identifier cannot be empty"


@pytest.mark.parametrize("text", ["", "a/b", ".", "..", "a\nb"])
def test_a_bad_space_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        Space(text)


def test_a_space_is_read_from_stored_data_as_long_as_it_can_be_told_from_the_identifier() -> None:
    assert str(Space.stored("..")) == ".."
    with pytest.raises(InvalidIdentifier):
        Space.stored("a/b")


@pytest.mark.parametrize(
    "text", ["", "v", "v0", "v01", "1", "V1", "v1\n", "v-1", "v\u0661", "v2147483648", "v" + "9" * 5000]
)
def test_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="Cannot parse version string: "):
        BagVersion.parse(text)


@pytest.mark.parametrize("number", [0, -1, 2**31])
def test_a_number_that_is_no_version_is_refused(number: int) -> None:
    with pytest.raises(InvalidIdentifier):
        BagVersion(number)


def test_versions_are_ordered_by_number() -> None:
    assert sorted(map(BagVersion.parse, ["v10", "v9", "v1"])) == [BagVersion(1), BagVersion(9), BagVersion(10)]


def test_a_bag_is_split_at_the_first_slash() -> None:
    bag = BagId.parse("miro/A images/x")
    assert (str(bag.space), str(bag.external_identifier)) == ("miro", "A images/x")


def test_the_folder_of_a_version_ends_with_a_slash() -> None:
    version = BagVersionId.parse("miro/A/x/v1")
    assert version.prefix == "miro/A/x/v1/"
    assert not "miro/A/x/v10/bagit.txt".startswith(version.prefix)


def test_a_legacy_identifier_survives_being_read_back() -> None:
    version = BagVersionId.parse("miro/PP/MIA//v3", stored=True)
    assert str(version.external_identifier) == "PP/MIA/"
    assert BagVersionId.parse(str(version), stored=True) == version
    with pytest.raises(InvalidIdentifier):
        BagVersionId.parse("miro/PP/MIA//v3")


@pytest.mark.parametrize("text", ["", "v1", "a/v1", "a/b", "a//v1", "a/b/v1/"])
def test_text_that_names_no_bag_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        BagVersionId.parse(text)


@given(st.text(min_size=1).filter(lambda text: "/" not in text), st.text(min_size=1), st.integers(1, 2**31 - 1))
def test_any_stored_name_survives_being_written_and_read(space: str, identifier: str, number: int) -> None:
    version = BagId(Space.stored(space), ExternalIdentifier.stored(identifier)).version(number)
    assert BagVersionId.parse(str(version), stored=True) == version
    assert pickle.loads(pickle.dumps(version)) == version  # noqa: S301 - our own bytes
