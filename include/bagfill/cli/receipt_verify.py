"""``bagfill receipt verify``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.receipt_text import file_chunks
from bagfill.cli.services import services_for
from bagfill.cli.validation_bar import validation_bar
from bagfill.fixity.chain import Evidence, FoundReceipt, Problem
from bagfill.fixity.receipts import ReceiptReader
from bagfill.fixity.seals import seal_folder, seal_name
from bagfill.fixity.signing import KeyUnusable, PublicKey, load_public_key
from bagfill.quantities import show_size
from bagfill.registry.seals import SealRecord
from bagfill.steps.reread_replica import Reread, reread_replica
from bagfill.steps.services import Services

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class VerifyOrder:
    """What is to be verified, and how."""

    places: tuple[str, ...]
    partial: bool
    heads: tuple[str, ...]
    public_keys: tuple[Path, ...]
    live: bool


def run(answers: Answers, config: Path | None, order: VerifyOrder) -> Exit:
    """Check, print, and say by the exit code: 0 sound, 1 problems, 2 something could not be found out."""
    with ExitStack() as stack:
        needed = order.live or any(not Path(place).exists() for place in order.places)
        services = stack.enter_context(services_for(config)) if needed else None
        checking = _Checking(services, Evidence(_public_keys(order.public_keys)), order.partial, list(order.heads))
        for place in order.places:
            checking.add(place)
        problems, remarks = checking.evidence.judge(partial=checking.partial, heads=checking.heads)
        problems += checking.missing
        live = checking.read_again(answers) if order.live else {}
    report = _Report(checking.evidence, problems, remarks, live)
    if answers.as_json:
        answers.document(report.to_json())
    else:
        report.show(answers)
    return report.code


def _public_keys(files: tuple[Path, ...]) -> Mapping[str, PublicKey]:
    found = {}
    for file in files:
        try:
            key = load_public_key(file.read_bytes(), source=str(file))
        except KeyUnusable as error:
            raise CommandError(f"--public-key: {error}") from None
        except OSError as error:
            raise CommandError(f"--public-key: {file}: {error.strerror}") from None
        found[key.fingerprint] = key
    return found


@dataclass(slots=True)
class _Checking:
    services: Services | None
    evidence: Evidence
    partial: bool
    heads: list[str]
    missing: list[Problem] = field(default_factory=list)
    sources: dict[str, Path | None] = field(default_factory=dict)

    def add(self, place: str) -> None:
        path = Path(place)
        if path.is_dir():
            for found in sorted(path.rglob("*.json*")):
                self._add_file(found.relative_to(path.parent).as_posix(), found)
        elif path.exists():
            self._add_file(place, path)
        elif place.rstrip("/") in self._opened.locations:
            self._add_location(place.rstrip("/"))
        else:
            self._add_record(place)

    @property
    def _opened(self) -> Services:
        if self.services is None:
            raise RuntimeError("services are opened where a name is given")
        return self.services

    def _add_file(self, where: str, path: Path) -> None:
        try:
            if path.suffix == ".jsonl":
                self.sources[where] = path
                self.evidence.add_receipt(where, file_chunks(path))
            else:
                self.evidence.add_seal(where, path.read_bytes())
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None

    def _add_record(self, name: str) -> None:
        """One receipt or seal of the receipt store; with a receipt comes its seal."""
        if not self._read_record(name):
            raise CommandError(f"no such file, and no such record at {self._opened.receipts.location}: {name}")
        self.partial = True
        for found in self.evidence.receipts:
            if found.where == name:
                record = self._opened.registry.seal_of_receipt(found.header.destination.name, name)
                if record is not None and not self._read_record(seal_name(record.location, record.sequence)):
                    self._miss(record)

    def _add_location(self, location: str) -> None:
        """A whole chain; the registry says which receipts and seals there must be."""
        services = self._opened
        there = set(services.receipts.names(f"{location}/"))
        for name in sorted(there):
            self._read_record(name)
        newest = None
        for record in services.registry.seals(location):
            newest = record
            if seal_name(location, record.sequence) not in there:
                self._miss(record)
        if newest is not None:
            self.heads.append(newest.sha256)

    def _miss(self, record: SealRecord) -> None:
        what = f"the registry has this seal, {self._opened.receipts.location} has not"
        advice = f"`bagfill receipt seal {record.location}` writes it"
        self.missing.append(Problem(seal_name(record.location, record.sequence), f"{what}; {advice}"))

    def _read_record(self, name: str) -> bool:
        services = self._opened
        chunks = services.receipts.read_chunks(name)
        if chunks is None:
            return False
        if name.endswith(".jsonl"):
            self.sources[name] = None
            self.evidence.add_receipt(name, chunks)
        elif name.startswith(seal_folder(name.partition("/")[0])):
            self.evidence.add_seal(name, b"".join(chunks))
        return True

    def read_again(self, answers: Answers) -> dict[str, Reread]:
        """Every replica whose receipt is sound; of a failed attempt, whose receipt no seal follows, none is there."""
        sealed = {found.seal.receipt.sha256 for found in self.evidence.seals}
        wanted = [each for each in self.evidence.receipts if not sealed or each.summary.sha256 in sealed]
        found = {}
        with validation_bar(answers.aside) as bar:
            task = bar.add_task("Reading", total=sum(receipt.summary.bytes for receipt in wanted))
            for receipt in wanted:
                reader = ReceiptReader(self._text_of(receipt))
                found[receipt.where] = reread_replica(
                    self._opened, reader.header, reader.files(), file_done=lambda size: bar.advance(task, size)
                )
        return found

    def _text_of(self, receipt: FoundReceipt) -> Iterator[bytes | memoryview]:
        path = self.sources[receipt.where]
        if path is not None:
            return file_chunks(path)
        chunks = self._opened.receipts.read_chunks(receipt.where)
        return iter(()) if chunks is None else chunks


@dataclass(frozen=True, slots=True)
class _Report:
    evidence: Evidence
    problems: list[Problem]
    remarks: list[str]
    live: Mapping[str, Reread]

    @property
    def code(self) -> Exit:
        if self.problems or any(read.problems for read in self.live.values()):
            return Exit.NEGATIVE
        return Exit.FAILURE if any(read.unread for read in self.live.values()) else Exit.DONE

    def to_json(self) -> dict[str, Any]:
        return {
            "sound": self.code is Exit.DONE,
            "receipts": [
                {
                    "where": found.where,
                    "bagVersion": found.header.bag_version,
                    "location": found.header.destination.name,
                    "ingest": found.header.ingest.id,
                    "sha256": found.summary.sha256,
                    "merkleRoot": found.summary.merkle_root,
                    "files": found.summary.files,
                    "bytes": found.summary.bytes,
                }
                for found in self.evidence.receipts
            ],
            "seals": len(self.evidence.seals),
            "signaturesChecked": bool(self.evidence.keys),
            "problems": [{"where": each.where, "problem": each.problem} for each in self.problems],
            "remarks": self.remarks,
            "live": [
                {
                    "where": where,
                    "files": read.files,
                    "bytes": read.bytes,
                    "problems": read.problems,
                    "unread": read.unread,
                    "remarks": read.remarks,
                }
                for where, read in self.live.items()
            ],
        }

    def show(self, answers: Answers) -> None:
        lines = [f"problem  {problem}" for problem in self.problems]
        for where, read in self.live.items():
            lines += [f"problem  {where}: {text}" for text in read.problems]
            lines += [f"unread   {where}: {text}" for text in read.unread]
            lines += [f"note     {where}: {text}" for text in read.remarks]
        lines += [f"note     {remark}" for remark in self.remarks]
        for line in lines[:_SHOWN]:
            answers.text(line)
        if len(lines) > _SHOWN:
            answers.text(f"… and {len(lines) - _SHOWN:,} more; --json prints all")
        for where, read in self.live.items():
            answers.text(f"{where}: {read.files:,} files read again and right, {show_size(read.bytes)}")
        signed = ", signatures checked" if self.evidence.keys else ""
        sound = {Exit.DONE: "sound", Exit.NEGATIVE: "not sound", Exit.FAILURE: "not all could be read"}[self.code]
        counts = f"{len(self.evidence.receipts):,} receipts, {len(self.evidence.seals):,} seals"
        answers.text(f"{sound}: {counts}{signed}")
