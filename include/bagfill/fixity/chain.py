"""Receipts and seals held against each other, by their texts alone: nothing is looked up anywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from bagfill.fixity.canonical import sha256_hex
from bagfill.fixity.receipt_form import Header, Seal
from bagfill.fixity.receipt_writer import ReceiptSummary
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader
from bagfill.fixity.seals import SealDamaged, read_seal, seal_name, signature_problem
from bagfill.fixity.signing import PublicKey


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must not be.

    Args:
        where: the file or record, or the location whose chain it is.
        problem: what is wrong.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A receipt that is sound by itself."""

    where: str
    header: Header
    summary: ReceiptSummary


@dataclass(frozen=True, slots=True)
class FoundSeal:
    """A seal that is sound by itself.

    Args:
        sha256: of its text.
    """

    where: str
    seal: Seal
    sha256: str


@dataclass(slots=True)
class Evidence:
    """Collects receipts and seals, then judges them together.

    Args:
        keys: public keys by fingerprint; with any, every seal must be signed by one of them.
    """

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    receipts: list[FoundReceipt] = field(default_factory=list)
    seals: list[FoundSeal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add_receipt(self, where: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Read a receipt and note what is wrong with it. Memory does not grow with its files."""
        try:
            reader = ReceiptReader(chunks)
            summary = reader.read()
        except ReceiptDamaged as damage:
            self.problems.append(Problem(where, str(damage)))
        else:
            self._check_name(where, f"{reader.header.ingest.id}.jsonl")
            self.receipts.append(FoundReceipt(where, reader.header, summary))

    def add_seal(self, where: str, text: bytes) -> None:
        """Read a seal and note what is wrong with it."""
        try:
            seal = read_seal(text)
        except SealDamaged as damage:
            self.problems.append(Problem(where, str(damage)))
            return
        self._check_name(where, seal_name(seal.location, seal.sequence).rpartition("/")[2])
        if self.keys and (problem := signature_problem(text, self.keys)) is not None:
            self.problems.append(Problem(where, problem))
        self.seals.append(FoundSeal(where, seal, sha256_hex(text)))

    def _check_name(self, where: str, expected: str) -> None:
        """Two files that changed their names are out of place, sound as they are."""
        found = where.rpartition("/")[2]
        if found != expected:
            self.problems.append(Problem(where, f"its name should be {expected}"))

    def judge(self, *, partial: bool = False, heads: Collection[str] = ()) -> tuple[list[Problem], list[str]]:
        """Hold everything against everything.

        Args:
            partial: only a part of a chain was given, so what is not there says nothing.
            heads: SHA-256 of seals that must be the newest of their chains.

        Returns:
            every problem, and remarks: what could not be checked.
        """
        problems, remarks = list(self.problems), []
        ordered = sorted(self.seals, key=lambda found: (found.seal.location, found.seal.sequence))
        ends = set()
        for location, chain in groupby(ordered, key=lambda found: found.seal.location):
            links = list(chain)
            problems += _links(location, links, partial=partial)
            ends.add(links[-1].sha256)
            remarks.append(f"{location}: its newest seal here is {links[-1].seal.sequence}, SHA-256 {links[-1].sha256}")
        problems += [Problem("chain", f"none ends in {head}") for head in heads if head not in ends]
        by_sha256 = {found.summary.sha256: found for found in self.receipts}
        for found in ordered:
            receipt = by_sha256.get(found.seal.receipt.sha256)
            if receipt is not None:
                problems += _sealed(found, receipt)
            elif not partial:
                name = found.seal.receipt.name
                problems.append(Problem(found.where, f"its receipt is missing or changed: {name}"))
        sealed = {found.seal.receipt.sha256 for found in self.seals}
        remarks += [
            f"{found.where}: no seal is there for it, so its place in a chain was not checked"
            for found in self.receipts
            if found.summary.sha256 not in sealed
        ]
        return problems, remarks


def _links(location: str, links: list[FoundSeal], *, partial: bool) -> list[Problem]:
    problems = []
    first = links[0].seal.sequence
    if first != 1 and not partial:
        problems.append(Problem(location, f"{_numbers(1, first - 1)} missing from its chain"))
    for before, after in pairwise(links):
        number, expected = after.seal.sequence, before.seal.sequence + 1
        if number < expected:
            problems.append(Problem(after.where, f"another seal {number} of {location} is {before.where}"))
        elif number > expected:
            if not partial:
                problems.append(Problem(location, f"{_numbers(expected, number - 1)} missing from its chain"))
        elif after.seal.previous is None or after.seal.previous.seal != before.sha256:
            problems.append(Problem(after.where, f"does not follow seal {before.seal.sequence}, {before.where}"))
        elif after.seal.previous.receipt != before.seal.receipt.sha256:
            problems.append(Problem(after.where, f"names another receipt before it than {before.where}"))
    return problems


def _numbers(first: int, last: int) -> str:
    return f"seal {first} is" if first == last else f"seals {first} to {last} are"


def _sealed(found: FoundSeal, receipt: FoundReceipt) -> list[Problem]:
    seal, header, summary = found.seal, receipt.header, receipt.summary
    pairs = (
        ("location", seal.location, header.destination.name),
        ("bagVersion", seal.bag_version, header.bag_version),
        ("ingest", seal.ingest, header.ingest.id),
        ("receipt.bytes", seal.receipt.bytes, summary.length),
        ("merkleRoot", seal.merkle_root, summary.merkle_root),
        ("files", seal.files, summary.files),
        ("bytes", seal.bytes, summary.bytes),
    )
    return [
        Problem(found.where, f"{name}: said {said!r}, the receipt {receipt.where} has {has!r}")
        for name, said, has in pairs
        if said != has
    ]
