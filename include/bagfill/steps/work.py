"""Names and shapes of what one ingest leaves in the work area.

``{ingest}/plan.jsonl`` is written last and names the plan's folder; everything below that folder belongs to that very
plan, so that an attempt which was killed half-way leaves files that nobody ever reads.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import uuid4

from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.ingests.reasons import Reason
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.text import hold_small
from bagfill.planning.shards import CopyItem, Cut, PlannedFile
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import RecordDamaged, SealedRecords
from bagfill.storage.store import Noted

logger = logging.getLogger(__name__)

Row = TypeVar("Row")

PLAN_FORMAT = 2
"""Of the files below; a task of an older release refuses a plan of a newer one instead of guessing."""


class WorkError(Exception):
    """The work area holds something else than this step needs. ``retryable`` is false: it will not change by itself."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The head of a plan.

    Args:
        folder: where its shards and results lie, ending in ``/``.
        files, bytes: of the version's own folder.
        archived_files, archived_bytes: what has to be thawed.
        copy_shards, verify_shards: how many.
        algorithms: every algorithm that a manifest of the bag uses; each is computed at the read-back.
        judged: whether the tag files could be read and judged at planning; else it is done once they are thawed.
    """

    folder: str
    files: int
    bytes: int
    archived_files: int
    archived_bytes: int
    copy_shards: int
    verify_shards: int
    algorithms: tuple[Algorithm, ...]
    judged: bool = True

    def to_json(self) -> dict[str, Any]:
        """As the record ``plan.jsonl``."""
        return {
            "format": PLAN_FORMAT,
            "folder": self.folder,
            "files": self.files,
            "bytes": self.bytes,
            "archivedFiles": self.archived_files,
            "archivedBytes": self.archived_bytes,
            "copyShards": self.copy_shards,
            "verifyShards": self.verify_shards,
            "algorithms": [algorithm.value for algorithm in self.algorithms],
            "judged": self.judged,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`.

        Raises:
            WorkError: another release wrote it in a format that this one does not know.
        """
        written = values.get("format")
        if written != PLAN_FORMAT:
            newer = isinstance(written, int) and written > PLAN_FORMAT
            # During an upgrade a newer release may have planned what an older worker picks up.
            advice = "a newer one made it: bring this worker up to date" if newer else "start a new ingest"
            raise WorkError(f"the plan has format {written!r}, this release reads {PLAN_FORMAT}; {advice}")
        return cls(
            folder=values["folder"],
            files=values["files"],
            bytes=values["bytes"],
            archived_files=values["archivedFiles"],
            archived_bytes=values["archivedBytes"],
            copy_shards=values["copyShards"],
            verify_shards=values["verifyShards"],
            algorithms=tuple(Algorithm(value) for value in values["algorithms"]),
            judged=values["judged"],
        )


@dataclass(frozen=True, slots=True)
class FailureNote:
    """Why a step of an ingest failed, for whoever closes the ingest."""

    step: str
    reason: Reason
    message: str
    at: datetime


class IngestWork:
    """The work area of one ingest.

    Args:
        work: the installation's work area.
        ref: the ingest.
    """

    def __init__(self, work: RecordStore, ref: IngestRef) -> None:
        self._work = SealedRecords(work)
        self._root = f"{ref.ingest_id}/"

    # -- the plan

    def plan(self) -> Plan | None:
        """The plan, or ``None`` if none was finished."""
        name = f"{self._root}plan.jsonl"
        with _sound(self._work, name):
            values = self._work.read_json(name)
            return None if values is None else Plan.from_json(values)

    def require_plan(self) -> Plan:
        """The plan.

        Raises:
            WorkError: there is none; the step before this one has not run.
        """
        plan = self.plan()
        if plan is None:
            key = self._work.key(f"{self._root}plan.jsonl")
            msg = f"no plan at {key} ({self._work.location}): plan_replication must run first"
            raise WorkError(msg)
        return plan

    def new_folder(self) -> str:
        """A folder for a plan that is being made."""
        return f"{self._root}{uuid4()}/"

    def write_plan(self, plan: Plan, manifest: StorageManifest, cut: Cut, files: Iterable[PlannedFile]) -> Plan:
        """Write manifest and shards, then the head. Returns the plan that counts: another may have been first.

        Args:
            plan: the head.
            manifest: copied as it is.
            cut: how the files are cut; the head has its numbers.
            files: every file in the order of the plan; read once, a shard's worth of them held at a time.
        """
        self._work.write_chunks(f"{plan.folder}manifest.sealed", manifest.text.chunks())
        copy, verify = _ShardWriter(self._work, plan, "copy", cut), _ShardWriter(self._work, plan, "verify", cut)
        unjudged: dict[str, str] = {}

        def archived() -> Iterator[str]:
            for file in files:
                text = json.dumps(file.to_json(), ensure_ascii=False)
                verify.add(text, file.size)
                for item in cut.items(file):
                    copy.add(f'{text[:-1]}, "first": {item.first}, "last": {item.last}}}', item.size)
                if not plan.judged and "/" not in file.path:
                    unjudged[file.path] = text
                if file.archived:
                    yield text

        self._work.write_many_texts(f"{plan.folder}archived.jsonl", archived())
        if (copy.close(), verify.close()) != (plan.copy_shards, plan.verify_shards):
            raise WorkError(f"{self._work.key(plan.folder)}: other files were planned than were counted")
        if not plan.judged:
            self._work.write_texts(
                f"{plan.folder}unjudged.jsonl", [unjudged[path] for path in tag_files_to_read(unjudged)]
            )
        self._work.write_json(f"{self._root}plan.jsonl", plan.to_json())
        return self.require_plan()

    def manifest(self, plan: Plan) -> StorageManifest:
        """The storage manifest as it was when the plan was made. Of a large one the head is kept."""
        name = f"{plan.folder}manifest.sealed"
        with _sound(self._work, name):
            return parse_storage_manifest(hold_small(_SealedText(self._work, name, self._gone(name))))

    def copy_items(self, plan: Plan, index: int) -> list[CopyItem]:
        """The items of one copy shard.

        Raises:
            WorkError: the bag was not judged yet; nothing of it may be copied.
        """
        if not self.is_judged(plan):
            raise WorkError(f"{self._work.key(plan.folder)}: the tag files were not judged: poll_thaw must come first")
        return self._rows(_shard(plan, "copy", index), CopyItem.from_json)

    def verify_files(self, plan: Plan, index: int) -> list[PlannedFile]:
        """The files of one verify shard, with the digests that a later verdict brought."""
        files = self._rows(_shard(plan, "verify", index), PlannedFile.from_json)
        if plan.judged or not self.is_judged(plan):
            return files
        rows = self._rows(_shard(plan, "judged", index), lambda row: (row["path"], row["digests"]))
        digests = {path: DigestSet.from_json(values) for path, values in rows}
        return [replace(file, digests=digests[file.path]) for file in files]

    def all_files(self, plan: Plan) -> Iterator[PlannedFile]:
        """Every planned file, in the order of the plan."""
        for index in range(plan.verify_shards):
            yield from self.verify_files(plan, index)

    def archived_files(self, plan: Plan) -> list[PlannedFile]:
        """The files that have to be thawed."""
        return list(self.each_archived_file(plan))

    def each_archived_file(self, plan: Plan) -> Iterator[PlannedFile]:
        """The same, one after the other. What they say counts when the last was had: only then is the record sound."""
        name = f"{plan.folder}archived.jsonl"
        with _sound(self._work, name):
            rows = self._work.read_many_lines(name)
            if rows is None:
                raise self._gone(name)
            yield from map(PlannedFile.from_json, rows)

    # -- the verdict on tag files that were archived when the plan was made

    def unjudged_files(self, plan: Plan) -> list[PlannedFile]:
        """The tag files that a verdict needs, of a plan that was made without one."""
        return self._rows(f"{plan.folder}unjudged.jsonl", PlannedFile.from_json)

    def is_judged(self, plan: Plan) -> bool:
        """Whether the bag was judged by its tag files and found good."""
        if plan.judged:
            return True
        name = _judged(plan)
        with _sound(self._work, name):
            return self._work.read_json(name) is not None

    def write_judgement(self, plan: Plan, digests: Callable[[str], DigestSet]) -> None:
        """Leave what the manifests say of each planned file, shard by shard, and then that the bag was found good.

        Args:
            digests: of a planned file, by its path.
        """
        for index in range(plan.verify_shards):
            files = self.verify_files(plan, index)
            rows = ({"path": file.path, "digests": digests(file.path).to_json()} for file in files)
            self._work.write_lines(_shard(plan, "judged", index), rows)
        self._work.write_json(_judged(plan), {"files": plan.files})

    # -- results of shards

    def results(self, plan: Plan, kind: str, index: int) -> list[dict[str, Any]] | None:
        """Rows that a finished shard left, or ``None`` if it is not finished. ``kind``: ``copied`` or ``verified``."""
        name = _shard(plan, kind, index)
        with _sound(self._work, name):
            return self._work.read_lines(name)

    def write_results(self, plan: Plan, kind: str, index: int, rows: list[dict[str, Any]]) -> None:
        """Leave the rows of a finished shard; what an earlier attempt left stays."""
        self._work.write_lines(_shard(plan, kind, index), rows)

    def crc_sent(self, plan: Plan, file: PlannedFile) -> Crc64 | None:
        """CRC-64 of the bytes that the copy of a file read, if it was copied here and is known whole."""
        for index in range(plan.copy_shards):
            for row in self.results(plan, "copied", index) or []:
                if row["path"] == file.path and row.get("crc64"):
                    return Crc64.from_s3(row["crc64"], file.size)
        return None

    # -- staged writes (the StagingLedger of bagfill.transfer)

    def staging(self, plan: Plan, *, fetches: bool = False) -> WorkStagingLedger:
        """Where this plan remembers its staged writes.

        Args:
            fetches: whether providers may have fetched blocks; if not, no time is spent on looking for notes of them.
        """
        return WorkStagingLedger(self._work, f"{plan.folder}staging/", fetches=fetches)

    # -- failures

    def note_failure(self, note: FailureNote) -> None:
        """Leave why a step failed."""
        self._work.write_json(
            f"{self._root}failures/{note.at:%Y%m%dT%H%M%S.%f}-{uuid4()}.jsonl",
            {"step": note.step, "reason": note.reason.code, "message": note.message, "at": note.at.isoformat()},
        )

    def last_failure(self, reason: Reason | None = None) -> FailureNote | None:
        """The newest failure that can be read, or ``None``: a damaged note must not keep an ingest from being closed.

        Args:
            reason: only a failure for this reason.
        """
        for name in reversed(self._work.names(f"{self._root}failures/")):
            try:
                note = self._note(name)
            except WorkError as damage:
                logger.warning("%s", damage)
                continue
            if note is not None and reason in {None, note.reason}:
                return note
        return None

    def _note(self, name: str) -> FailureNote | None:
        with _sound(self._work, name):
            values = self._work.read_json(name)
            if values is None:
                return None
            reason, at = Reason.of_code(values["reason"]), datetime.fromisoformat(values["at"])
            return FailureNote(str(values["step"]), reason, str(values["message"]), at)

    def _rows(self, name: str, parse: Callable[[Mapping[str, Any]], Row]) -> list[Row]:
        with _sound(self._work, name):
            rows = self._work.read_lines(name)
            if rows is not None:
                return [parse(row) for row in rows]
        raise self._gone(name)

    def _gone(self, name: str) -> WorkError:
        return WorkError(f"{self._work.key(name)} is gone from {self._work.location}: start a new ingest")


class _ShardWriter:
    """Writes the shards of one side, each when it is full."""

    def __init__(self, work: SealedRecords, plan: Plan, kind: str, cut: Cut) -> None:
        self._work = work
        self._plan = plan
        self._kind = kind
        self._packer = cut.packer()
        self._written = 0

    def add(self, row: str, size: int) -> None:
        full = self._packer.add(row, size)
        if full is not None:
            self._write(full)

    def close(self) -> int:
        """Write the last shard; how many there are."""
        if self._packer.open:
            self._write(self._packer.open)
        return self._written

    def _write(self, rows: list[str]) -> None:
        self._work.write_texts(_shard(self._plan, self._kind, self._written), rows)
        self._written += 1


@dataclass(frozen=True, slots=True)
class _SealedText:
    """The text of a manifest in the work area; see :class:`bagfill.manifest.text.ManifestText`."""

    work: SealedRecords
    name: str
    gone: WorkError

    def chunks(self) -> Iterator[bytes]:
        with _sound(self.work, self.name):
            chunks = self.work.read_chunks(self.name)
            if chunks is None:
                raise self.gone
            yield from chunks


class WorkStagingLedger:
    """Staged writes by key and generation, one small record each; the first to write a generation decides it."""

    def __init__(self, work: SealedRecords, folder: str, *, fetches: bool = False) -> None:
        self._work = work
        self._folder = folder
        self._fetches = fetches

    def current(self, key: str) -> tuple[int, str] | None:
        """The newest generation and its token, or ``None``."""
        newest: tuple[int, str] | None = None
        generation = 0
        while (token := self._token(key, generation)) is not None:
            newest = (generation, token)
            generation += 1
        return newest

    def propose(self, key: str, generation: int, token: str) -> str:
        """Make ``token`` the one of this generation unless somebody was first; returns the one that counts."""
        self._work.write_json(self._name(key, generation), {"key": key, "token": token})
        counts = self._token(key, generation)
        if counts is None:
            msg = f"{self._name(key, generation)} vanished from {self._work.location}"
            raise WorkError(msg)
        return counts

    def note(self, key: str, noted: Noted) -> None:
        """See :meth:`StagingLedger.note`; a record of its own each time, since tasks note side by side."""
        rows = ({"label": label, "crc64": crc and crc.s3, "size": crc and crc.size} for label, crc in noted.items())
        self._work.write_lines(f"{self._noted_folder(key)}{uuid4()}.jsonl", rows)

    def noted(self, key: str) -> Noted:
        """See :meth:`StagingLedger.noted`."""
        found: dict[str, Crc64 | None] = {}
        if not self._fetches:
            return found
        for name in self._work.names(self._noted_folder(key)):
            with _sound(self._work, name):
                for row in self._work.read_lines(name) or []:
                    crc = row["crc64"]
                    found[str(row["label"])] = None if crc is None else Crc64.from_s3(crc, int(row["size"]))
        return found

    def _noted_folder(self, key: str) -> str:
        return f"{self._folder}{hashlib.sha256(key.encode()).hexdigest()}-fetched/"

    def _token(self, key: str, generation: int) -> str | None:
        name = self._name(key, generation)
        with _sound(self._work, name):
            values = self._work.read_json(name)
            return None if values is None else str(values["token"])

    def _name(self, key: str, generation: int) -> str:
        return f"{self._folder}{hashlib.sha256(key.encode()).hexdigest()}-{generation}.jsonl"


@contextmanager
def _sound(work: SealedRecords, name: str) -> Iterator[None]:
    """A record that is not what was written, or not what this release writes."""
    try:
        yield
    except RecordDamaged as damage:
        raise WorkError(str(damage)) from damage
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WorkError(f"{work.key(name)} at {work.location} has another shape ({type(error).__name__})") from error


def _judged(plan: Plan) -> str:
    return f"{plan.folder}judged.jsonl"


def _shard(plan: Plan, kind: str, index: int) -> str:
    return f"{plan.folder}{kind}/{index:05d}.jsonl"
