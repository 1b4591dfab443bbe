"""Receipts being read, line by line, and checked on the way. The format is in ``docs/receipt.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.receipt_form import RECEIPT_FORMAT, End, FileLine, Header
from bagfill.fixity.receipt_writer import ReceiptSummary, ReceiptSums, canonical_line
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


def receipt_name(bag_version: BagVersionId, destination: str, ingest_id: str) -> str:
    """The record's name in the receipt store."""
    return f"{destination}/{key_of_bag(bag_version.bag)}/{bag_version.version}/{ingest_id}.jsonl"


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
        self._sums = ReceiptSums()
        self._summary: ReceiptSummary | None = None
        text = self._next()
        values = self._values(text)
        if values.get("type") != "receipt" or values.get("format") != RECEIPT_FORMAT:
            raise ReceiptDamaged(f"no receipt of format {RECEIPT_FORMAT}", 1)
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
            canonical = canonical_line(values)
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
