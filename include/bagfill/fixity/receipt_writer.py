"""Receipts being written, line by line, and what is summed up on the way; reading sums up the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bagfill.fixity.canonical import canonical_json
from bagfill.fixity.merkle import MerkleTree, leaf_of_file
from bagfill.fixity.receipt_form import RECEIPT_FORMAT, FileLine, Header


@dataclass(frozen=True, slots=True)
class ReceiptSummary:
    """What a whole receipt comes to.

    Args:
        sha256, length: of its text, in bytes.
        files, bytes: of the replica.
        merkle_root: over the files.
        evidence: SHA-256 over what the replica is: the same for two attempts at one ingest, which write the same
            receipt at two moments.
    """

    sha256: str
    length: int
    files: int
    bytes: int
    merkle_root: str
    evidence: str


class ReceiptSums:
    """Everything that is summed up while lines go by."""

    def __init__(self) -> None:
        self._text = hashlib.sha256()
        self._evidence = hashlib.sha256()
        self._tree = MerkleTree()
        self._last: str | None = None
        self._length = 0
        self.files = 0
        self.bytes = 0

    def header(self, text: bytes, header: Mapping[str, Any]) -> None:
        self.text(text)
        kept = ("format", "bagVersion", "ingest", "destination", "storageManifest")
        self._evidence.update(canonical_json({name: header[name] for name in kept}) + b"\n")

    def file(self, text: bytes, line: Mapping[str, Any]) -> None:
        """Raises ValueError when the paths do not ascend."""
        path: str = line["path"]
        if self._last is not None and path <= self._last:
            raise ValueError(f"{path!r} after {self._last!r}: paths ascend, and none is there twice")
        self._last = path
        self.text(text)
        leaf = leaf_of_file(path, line["size"], line["digests"])
        self._tree.add(leaf)
        self._evidence.update(leaf + canonical_json(line["object"]["etag"]) + b"\n")
        self.files += 1
        self.bytes += line["size"]

    def text(self, text: bytes) -> None:
        self._text.update(text)
        self._length += len(text)

    @property
    def root(self) -> str:
        return self._tree.root

    @property
    def sha256(self) -> str:
        """Of the text so far."""
        return self._text.hexdigest()

    def summary(self) -> ReceiptSummary:
        return ReceiptSummary(self.sha256, self._length, self.files, self.bytes, self.root, self._evidence.hexdigest())


class ReceiptText:
    """A receipt that is being written.

    Args:
        header: the values of :class:`bagfill.fixity.receipt_form.Header`, without type and format.
        files: the values of :class:`bagfill.fixity.receipt_form.FileLine`, without type, in ascending order of path.
    """

    def __init__(self, header: Mapping[str, Any], files: Iterable[Mapping[str, Any]]) -> None:
        self._header = Header.model_validate({**header, "type": "receipt", "format": RECEIPT_FORMAT})
        self._files = files
        self._summary: ReceiptSummary | None = None

    def lines(self) -> Iterator[bytes]:
        """The text, line by line; once. Raises ValueError for values that no receipt may have."""
        sums = ReceiptSums()
        header = self._header.model_dump(by_alias=True)
        text = canonical_line(header)
        sums.header(text, header)
        yield text
        for values in self._files:
            file = {**values, "type": "file"}
            # The form allows nothing but what is there, and fills nothing in: what was looked at is what is written.
            FileLine.model_validate(file)
            text = canonical_line(file)
            sums.file(text, file)
            yield text
        end = {
            "type": "end",
            "files": sums.files,
            "bytes": sums.bytes,
            "merkleRoot": sums.root,
            "sha256": sums.sha256,
        }
        text = canonical_line(end)
        sums.text(text)
        self._summary = sums.summary()
        yield text

    @property
    def summary(self) -> ReceiptSummary:
        """After the last line."""
        if self._summary is None:
            raise RuntimeError("the receipt is not written yet")
        return self._summary


def canonical_line(values: Any) -> bytes:
    """A line with its end. Raises ValueError for what JSON cannot hold."""
    return canonical_json(values) + b"\n"
