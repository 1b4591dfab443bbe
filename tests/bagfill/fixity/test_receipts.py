"""Receipts as texts: what is written can be read, line by line, and nothing else can be written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bagfill.fixity.canonical import canonical_json, canonical_moment, sha256_hex
from bagfill.fixity.merkle import MerkleTree, leaf_of_file
from bagfill.fixity.receipt_writer import ReceiptSummary, ReceiptText
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, receipt_name
from bagfill.fixity.receipts import recorded_digests as recorded
from contracts.sample_manifests import bag_version
from contracts.sample_receipts import AT, START, file_values, header_values, many_files

BAG = "digitised/b1/v1"


def text_of(*files: dict[str, Any], **header: Any) -> tuple[bytes, ReceiptSummary]:
    text = ReceiptText(header_values(BAG, "i-1", **header), files)
    return b"".join(text.lines()), text.summary


ROWS = (file_values("bagit.txt", b"version"), file_values("data/a", b"alpha"))


def test_what_was_written_is_read_again() -> None:
    text, summary = text_of(*ROWS)
    reader = ReceiptReader([text])
    assert reader.header.bag_version == BAG
    assert [file.model_dump(by_alias=True) for file in reader.files()] == [{**row, "type": "file"} for row in ROWS]
    assert reader.summary == summary
    assert (summary.files, summary.bytes) == (2, 12)
    assert (summary.sha256, summary.length) == (sha256_hex(text), len(text))


def test_every_line_is_in_canonical_form_and_sums_what_stands_before() -> None:
    text, summary = text_of(*ROWS)
    lines = text.split(b"\n")
    assert lines.pop() == b""
    assert [canonical_json(json.loads(line)) for line in lines] == lines
    end = json.loads(lines[-1])
    assert end["sha256"] == sha256_hex(b"".join(line + b"\n" for line in lines[:-1]))
    tree = MerkleTree()
    for row in ROWS:
        tree.add(leaf_of_file(row["path"], row["size"], row["digests"]))
    assert end["merkleRoot"] == summary.merkle_root == tree.root


def test_the_text_may_come_in_pieces_of_any_length() -> None:
    text, summary = text_of(*ROWS)
    for length in (1, 7, 1000):
        pieces = [memoryview(text)[start : start + length] for start in range(0, len(text), length)]
        assert ReceiptReader(pieces).read() == summary


def test_reading_begins_before_everything_is_there() -> None:
    text, _ = text_of(*many_files(100))
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for start in range(0, len(text), 1000):
            taken += 1
            yield text[start : start + 1000]

    files = ReceiptReader(pieces()).files()
    assert next(files).path.startswith("data/000000000/")
    assert taken <= 3


def test_nothing_counts_as_read_before_the_end() -> None:
    text, _ = text_of(*ROWS)
    reader = ReceiptReader([text])
    next(reader.files())
    with pytest.raises(RuntimeError, match="not read to its end"):
        _ = reader.summary
    with pytest.raises(RuntimeError, match="not written"):
        _ = ReceiptText(header_values(BAG, "i-1"), []).summary


def test_the_digests_that_were_read_back_can_be_taken_out_again() -> None:
    text, _ = text_of(*ROWS)
    found = [(path, etag, digests.to_json()) for path, etag, digests in recorded(ReceiptReader([text]).files())]
    assert found == [(row["path"], row["object"]["etag"], row["digests"]) for row in ROWS]


def test_a_receipt_of_another_format_is_not_guessed_at() -> None:
    text = text_of(*ROWS)[0].replace(b"bagfill-receipt/2", b"bagfill-receipt/3")
    with pytest.raises(ReceiptDamaged, match="bagfill-receipt/2"):
        ReceiptReader([text])


def test_two_attempts_at_one_ingest_prove_the_same_at_two_moments() -> None:
    row = file_values("data/a", b"alpha")
    later = {**row, "object": {**row["object"], "storageClass": "Cool", "requestId": "r-2"}}
    first, second = text_of(row)[1], text_of(later, concluded="2026-05-02T00:00:00.000000Z")[1]
    assert first.evidence == second.evidence
    assert first.merkle_root == second.merkle_root
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    "other",
    [
        file_values("data/b", b"alpha"),
        file_values("data/a", b"alphb"),
        file_values("data/a", b"alpha", size=6),
        {**ROWS[1], "object": {**ROWS[1]["object"], "etag": "another"}},
    ],
)
def test_evidence_that_differs_in_one_value_of_one_file_is_another(other: dict[str, Any]) -> None:
    assert text_of(other)[1].evidence != text_of(ROWS[1])[1].evidence


@pytest.mark.parametrize("name", ["bagVersion", "ingest", "destination", "storageManifest"])
def test_evidence_for_something_else_is_another(name: str) -> None:
    other = header_values("digitised/b2/v1", "i-2", "glacier", storageManifest={"sha256": "00" * 32})[name]
    assert text_of(*ROWS, **{name: other})[1].evidence != text_of(*ROWS)[1].evidence


@pytest.mark.parametrize(
    "files",
    [
        (ROWS[1], ROWS[0]),
        (ROWS[0], ROWS[0]),
        (file_values("x", b"x", digests={}),),
        (file_values("x", b"x", digests={"md5": "AB" * 16}),),
        (file_values("x", b"x", digests={"crc32": "ab" * 4}),),
        (file_values("x", b"x", obtained=[]),),
        (file_values("x", b"x", obtained=[{"how": "manifest", "at": AT, "algorithms": ["md5", "sha256"]}]),),
        (file_values("x", b"x", obtained=[{"how": "destination-read", "at": AT, "algorithms": ["sha256"]}]),),
        (file_values("x", b"x", size=-1),),
        (file_values("x", b"x", size=1.5),),
        (file_values("x", b"x", more=1),),
    ],
)
def test_what_no_receipt_may_say_is_not_written(files: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(ValueError):
        text_of(*files)


def test_a_receipt_is_found_by_destination_bag_version_and_ingest() -> None:
    assert receipt_name(bag_version(), "azure", "i-1") == "azure/digitised/b1/v1/i-1.jsonl"
    # A legacy identifier becomes no key that a provider would change.
    assert receipt_name(bag_version("PP/MIA/"), "azure", "i-1") == "azure/digitised/PP/MIA/%2F/v1/i-1.jsonl"


def test_a_moment_has_one_text() -> None:
    assert canonical_moment(START) == AT
    with pytest.raises(ValueError, match="time zone"):
        canonical_moment(START.replace(tzinfo=None))
