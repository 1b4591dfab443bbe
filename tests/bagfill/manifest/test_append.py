"""Adding a replica location changes nothing else in the stored text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.manifest.append import with_replica_location
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.location_codec import location_json
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider

PREFIX = "digitised/b1234"
NEW = ManifestLocation(LocationRole.SECONDARY, Provider.AZURE_BLOB_STORAGE, "new-container", PREFIX)

KNOWN: dict[str, Any] = {
    "space": "digitised",
    "info": {"externalIdentifier": "b1234", "payloadOxum": {"payloadBytes": 15, "numberOfPayloadFiles": 1}},
    "version": 2,
    "manifest": {
        "checksumAlgorithm": {"type": "MD5"},
        "files": [{"checksum": "aB" * 16, "name": "data/\u00e9.txt", "path": "v1/data/\u00e9.txt", "size": 15}],
    },
    "tagManifest": {"checksumAlgorithm": {"type": "MD5"}, "files": []},
    "location": {"prefix": {"bucket": "B", "keyPrefix": PREFIX}, "type": "PrimaryS3StorageLocation"},
    "createdDate": "2021-07-16T09:00:00Z",
    "ingestId": "6a94",
}
BLANK = st.text(" \t\r\n", max_size=3)
NUMBERS = st.sampled_from(["1.50e3", "-0", "1E+2", "0.10", "12345678901234567890123"])
STRINGS = st.text(max_size=10).map(json.dumps) | st.sampled_from(['"\\u00e9\\/"', '"\\ud83d\\ude00"', '"\u2028 ] } ,"'])
VALUES = st.recursive(
    NUMBERS | STRINGS | st.sampled_from(["null", "true", "[]", "{}"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[ {' ,'.join(items)}]"),
    max_leaves=5,
)
REPLICAS = st.lists(
    st.builds(
        lambda bucket: json.dumps({"prefix": {"bucket": bucket, "keyPrefix": PREFIX}, "x": 1}),
        st.text("abc", min_size=1, max_size=4),
    ),
    max_size=3,
)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A stored manifest with any order, blanks, unknown keys, and replica locations absent, null or an array."""
    members = [(json.dumps(key), json.dumps(value, ensure_ascii=draw(st.booleans()))) for key, value in KNOWN.items()]
    match draw(st.sampled_from(["absent", "null", "array"])):
        case "null":
            members.append(('"replicaLocations"', "null"))
        case "array":
            items = [f"{draw(BLANK)}{item}{draw(BLANK)}" for item in draw(REPLICAS)]
            members.append(('"replicaLocations"', f"[{','.join(items) or draw(BLANK)}]"))
    unknown = draw(st.lists(st.tuples(st.sampled_from(['"x"', '"y"', '"\\u0079"', '"\u00e5"']), VALUES), max_size=3))
    text = ",".join(
        f"{draw(BLANK)}{key}{draw(BLANK)}:{draw(BLANK)}{value}{draw(BLANK)}"
        for key, value in draw(st.permutations(members + unknown))
    )
    return f"{draw(BLANK)}{{{text}}}{draw(BLANK)}"


@given(manifests())
def test_one_element_more_and_every_other_byte_as_it_was(text: str) -> None:
    before = parse_storage_manifest(text.encode())
    after = with_replica_location(before, NEW)

    old, new = json.loads(text), json.loads(after.raw)
    assert new == {**old, "replicaLocations": [*(old.get("replicaLocations") or []), location_json(NEW)]}
    assert [key for key in new if key != "replicaLocations"] == [key for key in old if key != "replicaLocations"]
    reread = parse_storage_manifest(after.raw)
    assert reread.replica_locations == after.replica_locations == (*before.replica_locations, NEW)

    # One cut: what stands before it and what stands after it is all there was, but for a null that was replaced.
    start = _common(before.raw, after.raw)
    end = _common(before.raw[start:][::-1], after.raw[start:][::-1])
    removed = before.raw[start : len(before.raw) - end]
    assert removed in (b"", b"null")
    inserted = after.raw[start : len(after.raw) - end]
    assert len(after.raw) == len(before.raw) - len(removed) + len(inserted)

    assert with_replica_location(after, NEW) is after
    assert with_replica_location(reread, NEW) is reread


def _common(one: bytes, other: bytes) -> int:
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def stored(replicas: str | None, separators: tuple[str, str] = (",", ":")) -> str:
    text = json.dumps(KNOWN, separators=separators, ensure_ascii=False)
    if replicas is None:
        return text
    return text.replace('"createdDate"', f'"replicaLocations"{separators[1]}{replicas}{separators[0]}"createdDate"')


ELEMENT = (
    '{"prefix":{"container":"new-container","namePrefix":"digitised/b1234"},"type":"SecondaryAzureStorageLocation"}'
)
SPACED = ELEMENT.replace(":", ": ").replace(",", ", ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (stored("[]"), stored(f"[{ELEMENT}]")),
        (stored("null"), stored(f"[{ELEMENT}]")),
        (stored(None), stored(f"[{ELEMENT}]")),
        (stored('[{"a":1,"bucket":"k","path":"p"}]'), stored(f'[{{"a":1,"bucket":"k","path":"p"}},{ELEMENT}]')),
        (stored("[]", (", ", ": ")), stored(f"[{SPACED}]", (", ", ": "))),
        (stored(None, (", ", ": ")), stored(f"[{SPACED}]", (", ", ": "))),
        (
            stored('[\n  {"bucket":"k","path":"p"}\n]'),
            stored(f'[\n  {{"bucket":"k","path":"p"}},\n  {ELEMENT}\n]'),
        ),
    ],
)
def test_the_new_element_is_written_in_the_style_of_the_text(before: str, after: str) -> None:
    assert with_replica_location(parse_storage_manifest(before.encode()), NEW).raw.decode() == after


def test_of_a_key_that_is_there_twice_the_one_that_counts_is_extended() -> None:
    text = stored("[]").replace('{"space"', '{"replicaLocations":[{"bucket":"ghost","path":"x"}],"space"')
    after = with_replica_location(parse_storage_manifest(text.encode()), NEW)
    assert parse_storage_manifest(after.raw).replica_locations == (NEW,)
    assert '"replicaLocations":[{"bucket":"ghost","path":"x"}],' in after.raw.decode()


def test_the_list_of_2019_is_extended_under_its_own_name() -> None:
    text = stored("[]").replace("replicaLocations", "archiveLocations").replace('"location"', '"accessLocation"')
    after = with_replica_location(parse_storage_manifest(text.encode()), NEW)
    assert "replicaLocations" not in json.loads(after.raw)
    assert parse_storage_manifest(after.raw).replica_locations == (NEW,)


@pytest.mark.parametrize("prefix", [PREFIX, f"{PREFIX}/", f"/{PREFIX}"])
def test_a_place_that_is_there_already_is_not_added(prefix: str) -> None:
    manifest = parse_storage_manifest(stored("[]").encode())
    primary_as_replica = ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "B", prefix)
    assert with_replica_location(manifest, primary_as_replica) is manifest


@pytest.mark.parametrize(
    "other",
    [
        ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "b", PREFIX),
        ManifestLocation(LocationRole.SECONDARY, Provider.LOCAL, "B", PREFIX),
        ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "B", PREFIX.upper()),
    ],
)
def test_another_place_is_another_replica(other: ManifestLocation) -> None:
    after = with_replica_location(parse_storage_manifest(stored("[]").encode()), other)
    assert after.replica_locations == (other,)


def test_a_primary_location_cannot_be_added() -> None:
    manifest = parse_storage_manifest(stored("[]").encode())
    with pytest.raises(ValueError, match="Only a secondary location"):
        with_replica_location(manifest, ManifestLocation(LocationRole.PRIMARY, Provider.LOCAL, "x", PREFIX))
