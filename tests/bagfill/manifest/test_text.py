"""A manifest that is read piece by piece says what the same manifest in memory says, and is not held."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagVersionId
from bagfill.manifest.append import with_replica_location
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.text import HeldText, MadeText, SplicedText
from contracts.sample_manifests import bag_version, manifest_document, manifest_location


def in_pieces(raw: bytes, size: int) -> MadeText:
    return MadeText(lambda: (raw[start : start + size] for start in range(0, len(raw), size)))


def what_it_says(manifest: StorageManifest) -> dict[str, Any]:
    lists = {name: list(getattr(manifest, name)) for name in ("files", "payload_files", "tag_files", "concrete_files")}
    names = ("sha256", "id", "algorithm", "own_files", "own_bytes", "depends_on", "locations", "created_date")
    return lists | {name: getattr(manifest, name) for name in names}


DOCUMENT = manifest_document(bag_version(version=2), files={"v1/data/\u00e9": 3, "v2/data/b": 4, "v2/data/c": 5})


@given(st.permutations(list(DOCUMENT)), st.booleans(), st.integers(1, 300))
def test_in_pieces_and_in_any_order_it_says_the_same(order: list[str], late: bool, size: int) -> None:
    document = {key: DOCUMENT[key] for key in order}
    if late:
        document["manifest"] = dict(reversed(document["manifest"].items()))
    raw = json.dumps(document, ensure_ascii=False).encode()
    whole, pieces = parse_storage_manifest(raw), parse_storage_manifest(in_pieces(raw, size))
    assert what_it_says(whole) == what_it_says(pieces)
    assert (whole.own_files, whole.own_bytes, str(*whole.depends_on)) == (3, 64, "v1")
    assert [file.size for file in whole.files] == [3, 4, 5, 55]

    place = manifest_location(whole.id.bag, "new")
    assert with_replica_location(pieces, place).raw == with_replica_location(whole, place).raw


@given(st.binary(max_size=12), st.data(), st.integers(1, 5))
def test_a_spliced_text_is_the_other_with_bytes_put_in_place_of_some(
    raw: bytes, data: st.DataObject, size: int
) -> None:
    start, end = sorted((data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, len(raw)))))
    spliced = SplicedText(in_pieces(raw, size), start, end, b"<new>")
    assert b"".join(spliced.chunks()) == raw[:start] + b"<new>" + raw[end:]
    assert b"".join(SplicedText(HeldText(raw), start, end, b"<new>").chunks()) == raw[:start] + b"<new>" + raw[end:]


def large(files: int) -> MadeText:
    def chunks() -> Iterator[bytes]:
        raw = json.dumps(manifest_document(bag_version(), files={"v1/data/0": 1})).encode()
        before, after = raw.split(b"]", 1)
        yield before
        for number in range(files):
            entry = {"checksum": f"{number:064x}", "name": f"data/{number}", "path": f"v1/data/{number}", "size": 1}
            yield b"," + json.dumps(entry).encode()
        yield b"]" + after

    return MadeText(chunks)


def test_reading_and_extending_a_large_manifest_takes_no_more_memory_than_a_small_one() -> None:
    peaks = []
    for files in (500, 5_000):
        tracemalloc.start()
        manifest = parse_storage_manifest(large(files))
        extended = with_replica_location(manifest, manifest_location(manifest.id.bag, "new"))
        assert sum(1 for _ in extended.payload_files) == files + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert manifest.id == BagVersionId.parse("digitised/b1/v1")
    assert max(peaks) < 1024 * 1024
