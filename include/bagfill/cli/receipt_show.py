"""``bagfill receipt show``, ``premis`` and ``seal``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bagfill.bag.identifiers import BagId, BagVersionId, InvalidIdentifier
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.receipt_text import receipt_chunks
from bagfill.cli.services import services_for
from bagfill.fixity.canonical import sha256_hex
from bagfill.fixity.premis import premis_document
from bagfill.fixity.receipt_form import Header
from bagfill.fixity.receipt_writer import ReceiptSummary
from bagfill.fixity.receipts import ReceiptReader
from bagfill.fixity.seals import seal_name
from bagfill.quantities import show_size
from bagfill.registry.registry import ReplicaRecord
from bagfill.registry.seals import SealRecord
from bagfill.steps.services import Services
from bagfill.steps.write_seals import write_seals


def show(answers: Answers, config: Path | None, bag: str, location: str, *, raw: bool) -> Exit:
    """Print the receipt of one replica: in words, as JSON, or its own text."""
    if raw and answers.as_json:
        raise CommandError("--raw and --json exclude each other")
    with services_for(config) as services:
        bag_version = _bag_version(services, bag)
        record = _replica(services, bag_version, location)
        if record.receipt is None:
            return _none(answers, f"{bag_version} at {location} was learnt by import and has no receipt")
        chunks = services.receipts.read_chunks(record.receipt)
        if chunks is None:
            return _none(answers, f"receipt {record.receipt} is missing at {services.receipts.location}")
        if raw:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return Exit.DONE
        reader = ReceiptReader(chunks)
        summary = reader.read()
        seal = services.registry.seal_of(bag_version, location)
    if answers.as_json:
        answers.document(
            {
                "receipt": record.receipt,
                "sha256": summary.sha256,
                "files": summary.files,
                "bytes": summary.bytes,
                "merkleRoot": summary.merkle_root,
                "header": reader.header.model_dump(by_alias=True),
                "seal": None if seal is None else json.loads(seal.document),
            }
        )
    else:
        _show(answers, record.receipt, reader.header, summary, seal)
    return Exit.DONE


def premis(config: Path | None, place: str) -> Exit:
    """Print one receipt as PREMIS; nothing of it is to be used if the receipt turns out to be damaged at its end."""
    with receipt_chunks(config, place) as chunks:
        reader = ReceiptReader(chunks)
        for text in premis_document(reader.header, reader.files()):
            sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    return Exit.DONE


def seal(answers: Answers, config: Path | None, location: str) -> Exit:
    """Write what is unwritten; print the head of the chain."""
    with services_for(config) as services:
        if location not in services.locations:
            raise CommandError(f"found {location!r}, configured locations are {', '.join(sorted(services.locations))}")
        result = write_seals(services, location)
        newest = None
        for record in services.registry.seals(location):
            newest = record
    if answers.as_json:
        head = None if newest is None else {"sequence": newest.sequence, "sha256": newest.sha256}
        answers.document({"location": location, "written": result.written, "damaged": result.damaged, "head": head})
    else:
        for name in result.damaged:
            answers.text(f"{name} is not the seal that was made; keep it for analysis, remove it, and run this again")
        answers.text(f"{location}: {result.written:,} seals written")
        if newest is not None:
            answers.text(f"newest seal {newest.sequence:,}, SHA-256 {newest.sha256}")
    return Exit.NEGATIVE if result.damaged else Exit.DONE


def _bag_version(services: Services, text: str) -> BagVersionId:
    try:
        head, _, last = text.rpartition("/")
        if head.count("/") and last[:1] == "v" and last[1:].isdecimal():
            return BagVersionId.parse(text, stored=True)
        bag = BagId.parse(text, stored=True)
    except InvalidIdentifier as error:
        raise CommandError(f"BAG is SPACE/ID or SPACE/ID/vN: {error}") from None
    versions = services.registry.versions(bag)
    if not versions:
        raise CommandError(f"no such bag is known: {bag}")
    return BagVersionId(bag, versions[-1])


def _replica(services: Services, bag_version: BagVersionId, location: str) -> ReplicaRecord:
    for record in services.registry.replicas(bag_version):
        if record.location == location:
            return record
    raise CommandError(f"{bag_version} is not registered at {location}")


def _none(answers: Answers, text: str) -> Exit:
    if answers.as_json:
        answers.document({"error": {"problems": [text]}})
    answers.remark(f"bagfill: {text}")
    return Exit.NEGATIVE


def _show(answers: Answers, name: str, header: Header, summary: ReceiptSummary, seal: SealRecord | None) -> None:
    answers.text(f"{header.bag_version}: {header.source.name} → {header.destination.name}")
    answers.text(f"at {header.destination.bucket}/{header.destination.prefix} ({header.destination.provider})")
    answers.text(f"concluded {header.concluded} by {header.software.name} {header.software.version}")
    answers.text(f"ingest {header.ingest.id}, request {header.ingest.request_id}")
    answers.text(f"{summary.files:,} files, {show_size(summary.bytes)}, Merkle root {summary.merkle_root}")
    for dependency in header.dependencies:
        answers.text(f"fetches from {dependency.bag_version}, receipt {dependency.receipt or 'none'}")
    for waiver in header.waivers:
        answers.text(f"waived {waiver.code} {waiver.path}: {waiver.why} ({waiver.who})")
    answers.text(f"receipt {name}, SHA-256 {summary.sha256}")
    if seal is None:
        answers.text("no seal: it was registered before there were seals")
    else:
        sealed = json.loads(seal.document)
        fits = sealed["receipt"]["sha256"] == summary.sha256 and sha256_hex(seal.document) == seal.sha256
        word = "" if fits else ", WHICH IS OF ANOTHER RECEIPT"
        by = "" if sealed["signature"] is None else f", signed by {sealed['signature']['key']}"
        answers.text(f"seal {seal.sequence:,}, {seal_name(seal.location, seal.sequence)}{by}{word}")
