"""Write the receipt of a replica that passed every check, and read it back: no replica is registered without it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import UUID

from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.canonical import canonical_json, canonical_moment, sha256_hex
from bagfill.fixity.receipt_writer import ReceiptSummary, ReceiptText
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, receipt_name
from bagfill.fixity.seals import ReceiptToSeal, read_seal
from bagfill.fixity.signing import KeyUnusable
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import StorageManifest
from bagfill.planning.shards import PlannedFile
from bagfill.registry.waivers import Waiver
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo


@dataclass(frozen=True, slots=True)
class Proof:
    """What concluding saw and compared; the receipt writes it down.

    Args:
        manifest: the storage manifest the work was planned from.
        there: the objects at the destination, as they were listed after the read-back.
        declared: what the bag's manifests at the destination say of each file, by its name; every file's bytes agreed.
        waivers: rules that the bag version was allowed to break.
    """

    manifest: StorageManifest
    there: Mapping[str, ObjectInfo]
    declared: Mapping[str, DigestSet]
    waivers: Sequence[Waiver] = ()


def leave_receipt(services: Services, ref: IngestRef, plan: Plan, proof: Proof) -> ReceiptToSeal | StepFailed:
    """Write the receipt, unless an earlier attempt did, and read it back.

    Raises:
        StoreError: the receipt store did not answer.
        WorkError: the work area lacks what the steps before left.
    """
    try:
        key = None if services.signing is None else services.signing()
    except (KeyUnusable, CredentialsError) as error:
        return StepFailed(Reason.ACCESS_DENIED, f"{ref.bag_version}: the receipt cannot be signed: {error}.")
    name = receipt_name(ref.id, ref.destination, ref.ingest_id)
    concluded = services.clock()
    files = _files(IngestWork(services.work, ref), plan, proof, concluded)
    text = ReceiptText(_header(services, ref, proof, concluded), files)
    created = services.receipts.write_chunks(name, text.lines())
    found = _read_back(services, name, text.summary if created else None)
    written = text.summary
    # What an earlier attempt wrote differs in its moments, and in nothing else.
    if found is None or (found.sha256 != written.sha256 if created else found.evidence != written.evidence):
        message = f"receipt {name} at {services.receipts.location} is not what was written; start a new ingest"
        return StepFailed(Reason.UNEXPECTED, f"{ref.bag_version}: {message}.")
    return ReceiptToSeal(name, ref.id, ref.ingest_id, found, key)


def _read_back(services: Services, name: str, written: ReceiptSummary | None) -> ReceiptSummary | None:
    """What the receipt store has under a name; ``None`` if it is no receipt. Raises StoreError.

    Args:
        written: what was written there just now: then the same bytes are the same receipt, and need not be understood.
    """
    chunks = services.receipts.read_chunks(name)
    if chunks is None:
        return None
    if written is not None:
        running = hashlib.sha256()
        for chunk in chunks:
            running.update(chunk)
        return written if running.hexdigest() == written.sha256 else None
    try:
        return ReceiptReader(chunks).read()
    except ReceiptDamaged:
        return None


_CONNECTIONS = {"read_connection", "write_connection", "thaw_connection", "inspect_connection", "probe_prefix"}
"""Of a location: who acts there, and where it is probed; nothing of what is done."""


def configuration_sha256(services: Services, ref: IngestRef) -> str:
    """Identity of the settings that a replication was made with: both locations without their connections, limits."""
    sides = {"source": services.locations[ref.source], "destination": services.locations[ref.destination]}
    settings = {side: _settings(location, _CONNECTIONS) for side, location in sides.items()}
    return sha256_hex(canonical_json({**settings, "limits": _settings(services.limits, set())}))


def _settings(values: Any, left_out: set[str]) -> dict[str, str]:
    return {field.name: str(getattr(values, field.name)) for field in fields(values) if field.name not in left_out}


def _header(services: Services, ref: IngestRef, proof: Proof, concluded: datetime) -> dict[str, Any]:
    ingest = services.ingests.get(UUID(ref.ingest_id))
    return {
        "bagVersion": str(proof.manifest.id),
        "ingest": {"id": ref.ingest_id, "requestId": None if ingest is None else ingest.request_id},
        "source": _place(services.locations[ref.source], proof.manifest.id),
        "destination": _place(services.locations[ref.destination], proof.manifest.id),
        "storageManifest": {"sha256": proof.manifest.sha256},
        "concluded": canonical_moment(concluded),
        "software": {
            "name": "bagfill",
            "version": software_version(),
            "configuration": configuration_sha256(services, ref),
        },
        "dependencies": list(_dependencies(services, ref, proof.manifest)),
        "waivers": [
            {
                **waiver.to_json(),
                "granted": canonical_moment(waiver.granted),
                "until": None if waiver.until is None else canonical_moment(waiver.until),
            }
            for waiver in proof.waivers
        ],
    }


def software_version() -> str:
    """Of this program, as it is installed; ``unknown`` where its metadata are missing or being replaced."""
    try:
        # Of an installation without its METADATA the library gives None, whatever its annotation says.
        return str(version("bagfill") or "unknown")
    except PackageNotFoundError:
        return "unknown"


def _place(location: Location, bag_version: BagVersionId) -> dict[str, str]:
    return {
        "name": location.name,
        "provider": location.provider.value,
        "bucket": location.bucket,
        "prefix": location.version_prefix(bag_version),
    }


def _dependencies(services: Services, ref: IngestRef, manifest: StorageManifest) -> Iterator[dict[str, Any]]:
    for older in sorted(manifest.depends_on):
        bag_version = BagVersionId(manifest.id.bag, older)
        record = services.registry.seal_of(bag_version, ref.destination)
        receipt = None if record is None else read_seal(record.document).receipt
        yield {
            "bagVersion": str(bag_version),
            "receipt": None if receipt is None else receipt.name,
            "sha256": None if receipt is None else receipt.sha256,
        }


def _files(work: IngestWork, plan: Plan, proof: Proof, concluded: datetime) -> Iterator[dict[str, Any]]:
    """The lines of the receipt in the order of the plan, which ascends by path; one shard is held at a time."""
    moment = canonical_moment(concluded)
    copies = CopyResults(work, plan)
    for index in range(plan.verify_shards):
        planned = {file.path: file for file in work.verify_files(plan, index)}
        verified = {row["path"]: row for row in work.results(plan, "verified", index) or []}
        copied = copies.up_to(max(planned, default=""))
        for path, file in sorted(planned.items()):
            row: Mapping[str, Any] = copied.pop(path, {})
            read = verified[path]
            # What the storage manifest has of it is among what was planned.
            expected = (file.digests.to_json(), proof.declared.get(path, DigestSet()).to_json())
            yield {
                "path": path,
                "size": read["size"],
                "digests": read["digests"],
                "obtained": list(_obtained(read, row, expected, moment)),
                "object": _object(read, proof.there[path], row, file),
            }


class CopyResults:
    """What the copy shards left, path by path, read as far as it is asked for.

    Copy and verify shards may be cut differently, but both keep the order of the plan.
    """

    def __init__(self, work: IngestWork, plan: Plan) -> None:
        self._work = work
        self._plan = plan
        self._next = 0
        self._rows: dict[str, Mapping[str, Any]] = {}

    def up_to(self, path: str) -> dict[str, Mapping[str, Any]]:
        """The rows that are known when nothing up to ``path`` is missing; the caller takes out what is done with."""
        last = max(self._rows, default="")
        while last <= path and self._next < self._plan.copy_shards:
            for row in self._work.results(self._plan, "copied", self._next) or []:
                # Of the tasks that staged one file, the one that committed it knows the whole.
                if not self._rows.get(row["path"], {}).get("committed"):
                    self._rows[row["path"]] = row
                last = max(last, row["path"])
            self._next += 1
        return self._rows


def _obtained(
    verified: Mapping[str, Any], copied: Mapping[str, Any], expected: Sequence[Mapping[str, str]], concluded: str
) -> Iterator[dict[str, Any]]:
    """Every way by which a digest is known. All agree: whoever wrote a line with two values would contradict itself."""
    read = verified["digests"]

    def entry(how: str, at: str, *sets: Mapping[str, str]) -> dict[str, Any]:
        for digests in sets:
            if any(read.get(name, digits) != digits for name, digits in digests.items()):
                text = f"{how} and the read at the destination differ after they were compared"
                raise ValueError(f"{verified['path']}: {text}")
        names = sets[0] if len(sets) == 1 else {name for digests in sets for name in digests}
        return {"how": how, "at": at, "algorithms": sorted(names)}

    yield entry("manifest", concluded, *expected)
    for name, how in (("digests", "source-read"), ("destinationDigests", "destination-read")):
        digests = copied.get(name)
        if digests and "at" in copied:
            yield entry(how, _moment(copied["at"]), digests)
    yield entry("destination-read", _moment(verified["readAt"]), read)


def _moment(text: str) -> str:
    return canonical_moment(datetime.fromisoformat(text))


def _object(
    verified: Mapping[str, Any], listed: ObjectInfo, copied: Mapping[str, Any], planned: PlannedFile
) -> dict[str, Any]:
    known = {
        "etag": verified["etag"],
        "versionId": listed.version_id or copied.get("versionId"),
        "requestId": copied.get("requestId"),
        "storageClass": listed.storage_class,
        "outcome": copied.get("outcome"),
        "transit": _transit(copied, planned),
    }
    if "readFrom" in copied and copied.get("outcome") != "already-there":
        return {**known, "readFrom": copied["readFrom"]}
    return known


def _transit(copied: Mapping[str, Any], planned: PlannedFile) -> dict[str, Any] | None:
    """What is known of the way: who moved the bytes, and what was compared on arrival."""
    check, refused = copied.get("transit"), copied.get("notFetched")
    if check is None and refused is None:
        return None
    blocks = planned.block_bytes if check is not None and planned.block_bytes else None
    transit = {"check": check, "crc64": copied.get("crc64"), "blockBytes": blocks}
    if refused is not None:
        return {**transit, "notFetched": refused["reason"]}
    if "fetched" in copied:
        return {**transit, "sourceCrc64": copied["sourceCrc64"]}
    return transit
