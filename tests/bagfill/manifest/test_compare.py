from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.manifest.compare import REPLICA_LOCATIONS, WHERE_AND_WHEN, manifest_differences
from contracts.sample_manifests import bag_version, manifest_document, manifest_of

DOCUMENT = manifest_document(bag_version(), files={f"v1/data/{number}": number for number in range(30)})


def between(stored: dict[str, Any], given: dict[str, Any], ignoring: frozenset[str] = frozenset()) -> tuple[str, ...]:
    return manifest_differences(manifest_of(DOCUMENT | stored), manifest_of(DOCUMENT | given), ignoring=ignoring)


@pytest.mark.parametrize(
    ("stored", "given", "named"),
    [
        ({"x": 1}, {"x": True}, "x: stored 1, given true"),
        ({"x": 1}, {"x": 1.0}, "x: stored 1, given 1.0"),
        ({"x": 0.1}, {"x": 0.10000000000000002}, "x: stored 0.1, given 0.10000000000000002"),
        ({"x": "0.5"}, {"x": 0.5}, 'x: stored "0.5", given 0.5'),
        ({"x": None}, {}, "x: stored null, given nothing"),
        ({}, {"x": {}}, "x: stored nothing, given {}"),
        ({"x": [1, 2]}, {"x": [1]}, "x: stored 2 items, given 1"),
        ({"x": [1, 2]}, {"x": [2, 2]}, "x[0]: stored 1, given 2"),
        ({"x": {"y": "\u00e9"}}, {"x": {"y": "e\u0301"}}, r'x.y: stored "\u00e9", given "e\u0301"'),
        ({"x": "long" * 99}, {"x": 1}, 'x: stored "' + "long" * 19 + "..., given 1"),
    ],
)
def test_differences_are_told_exactly(stored: dict[str, Any], given: dict[str, Any], named: str) -> None:
    assert between(stored, given) == (named,)


def test_files_are_named() -> None:
    other = manifest_document(
        bag_version(), files={f"v1/data/{number}": number + (number == 7) for number in range(30)}
    )
    assert between({}, {"manifest": other["manifest"]}) == ("manifest.files[data/7].size: stored 7, given 8",)


def test_many_differences_are_cut() -> None:
    files = [{**file, "size": 99} for file in DOCUMENT["manifest"]["files"]]
    found = between({}, {"manifest": {**DOCUMENT["manifest"], "files": files}})
    assert len(found) == 21
    assert found[-1] == "further differences are not listed"


@pytest.mark.parametrize("key", ["replicaLocations", "createdDate", "ingestId"])
def test_only_what_is_ignored_is_ignored(key: str) -> None:
    changed = manifest_document(
        bag_version(), replica_buckets=["new"], created_date="2026-01-01T00:00:00Z", ingest_id="x"
    )
    given = {key: changed[key]}
    assert between({}, given)
    assert between({}, given, WHERE_AND_WHEN) == ()
    assert (between({}, given, REPLICA_LOCATIONS) == ()) == (key == "replicaLocations")


@given(st.data(), st.sampled_from([{}, {"indent": 3}, {"separators": (",", ":")}]))
def test_the_order_of_keys_and_white_space_say_nothing(data: st.DataObject, shape: dict[str, Any]) -> None:
    shuffled = {key: DOCUMENT[key] for key in data.draw(st.permutations(list(DOCUMENT)))}
    assert manifest_differences(manifest_of(DOCUMENT), manifest_of(shuffled, **shape)) == ()
