"""Receipts as texts: JSON lines, written and read one line at a time. The format is in ``docs/receipt.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.canonical import canonical_json
from bagfill.fixity.merkle import MerkleTree, leaf_of_file
from bagfill.fixity.receipt_form import End, FileLine, Header
from bagfill.registry.manifest_store import key_of_bag

_LONGEST_LINE = 1024 * 1024
"""Of a receipt: a path is at most a few thousand bytes. What has no line end is not read into memory."""

_Form = TypeVar("_Form", bound=BaseModel)


class ReceiptDamaged(ValueError):
    """A text is no receipt, or another than was written. Reading again may help if it was damaged on the way.

    Args:
        problem: what is wrong.
        line: where, from 1.
    """

    retryable = True

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem, line)
        self.problem = problem
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}"


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


def receipt_name(bag_version: BagVersionId, destination: str, ingest_id: str) -> str:
    """The record's name in the receipt store."""
    return f"{destination}/{key_of_bag(bag_version.bag)}/{bag_version.version}/{ingest_id}.jsonl"


class _Sums:
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
        self._header = Header.model_validate({**header, "type": "receipt", "format": "bagfill-receipt/2"})
        self._files = files
        self._summary: ReceiptSummary | None = None

    def lines(self) -> Iterator[bytes]:
        """The text, line by line; once. Raises ValueError for values that no receipt may have."""
        sums = _Sums()
        header = self._header.model_dump(by_alias=True)
        text = _line(header)
        sums.header(text, header)
        yield text
        for values in self._files:
            file = FileLine.model_validate({**values, "type": "file"}).model_dump(by_alias=True)
            text = _line(file)
            sums.file(text, file)
            yield text
        end = {
            "type": "end",
            "files": sums.files,
            "bytes": sums.bytes,
            "merkleRoot": sums.root,
            "sha256": sums.sha256,
        }
        text = _line(end)
        sums.text(text)
        self._summary = sums.summary()
        yield text

    @property
    def summary(self) -> ReceiptSummary:
        """After the last line."""
        if self._summary is None:
            raise RuntimeError("the receipt is not written yet")
        return self._summary


class ReceiptReader:
    """Reads a receipt and checks it on the way: form, order, counts, root and hash.

    What it gives is proved only when :meth:`files` has come to its end.

    Args:
        chunks: the text in pieces of any length.

    Raises:
        ReceiptDamaged: the first line is no receipt's.
    """

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._lines = _lines(chunks)
        self._number = 0
        self._sums = _Sums()
        self._summary: ReceiptSummary | None = None
        text = self._next()
        values = self._values(text)
        if values.get("type") != "receipt" or values.get("format") != "bagfill-receipt/2":
            raise ReceiptDamaged("no receipt of format bagfill-receipt/2", 1)
        self.header = self._formed(Header, values)
        self._sums.header(text, values)

    def files(self) -> Iterator[FileLine]:
        """Every file, in ascending order of path; once. Raises ReceiptDamaged, at the latest after the last file."""
        while True:
            text = self._next()
            values = self._values(text)
            if values.get("type") != "file":
                break
            file = self._formed(FileLine, values)
            try:
                self._sums.file(text, values)
            except ValueError as error:
                raise ReceiptDamaged(str(error), self._number) from None
            yield file
        self._check_end(text, self._formed(End, values))

    def read(self) -> ReceiptSummary:
        """Read to the end, and say what the receipt comes to. Raises ReceiptDamaged."""
        for _ in self.files():
            pass
        return self.summary

    @property
    def summary(self) -> ReceiptSummary:
        """After the last file."""
        if self._summary is None:
            raise RuntimeError("the receipt is not read to its end")
        return self._summary

    def _check_end(self, text: bytes, end: End) -> None:
        sums = self._sums
        for name, said, found in (
            ("files", end.files, sums.files),
            ("bytes", end.bytes, sums.bytes),
            ("the Merkle root", end.merkle_root, sums.root),
            ("the SHA-256 of the lines", end.sha256, sums.sha256),
        ):
            if said != found:
                raise ReceiptDamaged(f"{name}: said {said}, found {found}", self._number)
        sums.text(text)
        if next(self._lines, None) is not None:
            raise ReceiptDamaged("something follows the last line", self._number + 1)
        self._summary = sums.summary()

    def _next(self) -> bytes:
        self._number += 1
        text = next(self._lines, None)
        if text is None:
            raise ReceiptDamaged("the text ends here; a last line is missing", self._number)
        return text

    def _values(self, text: bytes) -> dict[str, Any]:
        try:
            values = json.loads(text)
            canonical = _line(values)
        except (ValueError, RecursionError) as error:
            raise ReceiptDamaged(f"no JSON ({type(error).__name__})", self._number) from None
        if not isinstance(values, dict) or canonical != text:
            raise ReceiptDamaged("not in canonical form", self._number)
        return values

    def _formed(self, form: type[_Form], values: Mapping[str, Any]) -> _Form:
        try:
            return form.model_validate(values)
        except ValidationError as error:
            raise ReceiptDamaged(first_fault(error), self._number) from None


def recorded_digests(files: Iterable[FileLine]) -> Iterator[tuple[str, str, DigestSet]]:
    """What a receipt says was read back: path in the version's folder, ETag, digests."""
    return ((file.path, file.object.etag, DigestSet.from_json(file.digests)) for file in files)


def first_fault(error: ValidationError) -> str:
    """Where the form is not kept, in words without the value."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _line(values: Any) -> bytes:
    return canonical_json(values) + b"\n"


def _lines(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Lines with their ends; the last may lack it."""
    rest = b""
    number = 1
    for chunk in chunks:
        pieces = (rest + bytes(chunk)).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            yield piece + b"\n"
        number += len(pieces)
        if len(rest) > _LONGEST_LINE:
            raise ReceiptDamaged(f"longer than {_LONGEST_LINE} bytes", number)
    if rest:
        yield rest
