"""Names and shapes of what one audit leaves in the work area: its plan, and what was read so far.

Every record is written once. ``audits/{audit}/plan.jsonl`` is written last and names the folder of the parts; what a
planning left that was killed half-way, nobody ever reads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import RecordDamaged, SealedRecords
from bagfill.steps.work import WorkError

logger = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ChosenReplica:
    """One replica that an audit looks at.

    Args:
        files, bytes: of it, as the registry had them.
        drawn: mode ``sample``: places of the drawn files among its concrete files, sorted by path.
    """

    bag_version: BagVersionId
    files: int
    bytes: int
    drawn: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """As one row of a part."""
        drawn = None if self.drawn is None else list(self.drawn)
        return {"bagVersion": str(self.bag_version), "files": self.files, "bytes": self.bytes, "drawn": drawn}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        drawn = row["drawn"]
        bag_version = BagVersionId.parse(row["bagVersion"], stored=True)
        return cls(bag_version, row["files"], row["bytes"], None if drawn is None else tuple(drawn))


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """The head of a plan.

    Args:
        folder: where its parts lie, ending in ``/``.
        parts: how many.
        replicas, files, bytes: that were chosen.
        drawn: mode ``sample``: how many files.
    """

    folder: str
    parts: int
    replicas: int
    files: int
    bytes: int
    drawn: int

    def to_json(self) -> dict[str, Any]:
        """As the record ``plan.jsonl``."""
        return {"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises WorkError for another format."""
        if values.get("format") != FORMAT:
            msg = f"the audit's plan has format {values.get('format')!r}, this release reads {FORMAT}: start a new one"
            raise WorkError(msg)
        return cls(**{name: values[name] for name in cls.__slots__})


class AuditWork:
    """The work area of one audit.

    Args:
        work: the installation's work area.
    """

    def __init__(self, work: RecordStore, audit_id: UUID) -> None:
        self._work = SealedRecords(work)
        self._root = f"audits/{audit_id}/"

    # -- the plan

    def plan(self) -> AuditPlan | None:
        """The plan, or ``None`` if none was finished. Raises WorkError, StoreError."""
        values = self._rows(f"{self._root}plan.jsonl")
        return None if values is None else AuditPlan.from_json(values[0])

    def require_plan(self) -> AuditPlan:
        """The plan. Raises WorkError when there is none."""
        plan = self.plan()
        if plan is None:
            raise WorkError(f"no plan at {self._work.key(self._root)}plan.jsonl ({self._work.location}): plan it first")
        return plan

    def write_plan(self, parts: list[list[ChosenReplica]]) -> AuditPlan:
        """Write the parts, then the head. Returns the plan that counts: another may have been first."""
        folder = f"{self._root}{uuid4()}/"
        for index, part in enumerate(parts):
            self._work.write_lines(f"{folder}{index:05d}.jsonl", (replica.to_json() for replica in part))
        chosen = [replica for part in parts for replica in part]
        plan = AuditPlan(
            folder=folder,
            parts=len(parts),
            replicas=len(chosen),
            files=sum(replica.files for replica in chosen),
            bytes=sum(replica.bytes for replica in chosen),
            drawn=sum(len(replica.drawn or ()) for replica in chosen),
        )
        self._work.write_json(f"{self._root}plan.jsonl", plan.to_json())
        return self.require_plan()

    def part(self, plan: AuditPlan, index: int) -> list[ChosenReplica]:
        """The replicas of one part. Raises WorkError, StoreError."""
        rows = self._rows(f"{plan.folder}{index:05d}.jsonl")
        if rows is None:
            raise WorkError(f"part {index} of an audit is gone from {self._work.location}: start a new audit")
        return [ChosenReplica.from_json(row) for row in rows]

    def replicas(self, plan: AuditPlan) -> Iterator[ChosenReplica]:
        """Every chosen replica, in the order of the plan."""
        for index in range(plan.parts):
            yield from self.part(plan, index)

    # -- what was read

    def progress(self, name: str) -> ReadProgress:
        """What was read of one replica. ``name``: of the event that it will leave."""
        return ReadProgress(self._work, f"{self._root}read/{name}/")

    # -- thawed samples

    def thaw_sample(self) -> list[dict[str, Any]] | None:
        """The head and the files of a sample that is thawed, or ``None`` if none was drawn."""
        return self._rows(f"{self._root}thaw.jsonl")

    def write_thaw_sample(self, head: Mapping[str, Any], files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave a drawn sample. Returns the one that counts."""
        self._work.write_lines(f"{self._root}thaw.jsonl", [head, *files])
        return self.thaw_sample() or []

    def has_asked(self) -> bool:
        """Whether the thaw of the sample was asked for."""
        return self._rows(f"{self._root}asked.jsonl") is not None

    def write_asked(self) -> None:
        """Remember that every file of the sample was asked for."""
        self._work.write_json(f"{self._root}asked.jsonl", {})

    def _rows(self, name: str) -> list[dict[str, Any]] | None:
        try:
            return self._work.read_lines(name)
        except (RecordDamaged, ValueError, TypeError, KeyError) as error:
            raise WorkError(f"{self._work.key(name)} at {self._work.location}: {error}") from error


class ReadProgress:
    """Rows of files that were read to their end, a few at a time. A damaged record counts as not read."""

    def __init__(self, work: SealedRecords, folder: str) -> None:
        self._work = work
        self._folder = folder
        self._next = 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """What earlier attempts left. Raises StoreError."""
        names = self._work.names(self._folder)
        self._next = len(names)
        for name in names:
            try:
                yield from self._work.read_lines(name) or []
            except (RecordDamaged, ValueError) as damage:
                logger.warning("what was read is read again: %s", damage)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Leave some rows."""
        if rows:
            self._work.write_lines(f"{self._folder}{self._next:06d}-{uuid4()}.jsonl", rows)
            self._next += 1
