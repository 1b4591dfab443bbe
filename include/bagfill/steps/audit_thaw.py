"""Archived files that an audit reads: drawn at random, thawed within the budget, read when they can be.

The draw is written down before anything is asked for, and what was asked for is never asked for a second time: a copy
that went away before it was read is unknown, and nothing is paid twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bagfill.audit.model import Audit, AuditMode, FixityEvent
from bagfill.audit.sampling import draw, size_class, thaw_sample
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit_bracket import Bracketed, bracketed
from bagfill.steps.audit_records import read_record
from bagfill.steps.audit_work import AuditWork
from bagfill.steps.registered_files import RegisteredFiles
from bagfill.steps.services import Services
from bagfill.steps.thaw_asking import asker_of
from bagfill.storage.store import ArchiveState, Capability, ObjectInfo
from bagfill.thaw.asking import AskTerms, Wanted


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """One archived file that was drawn, as it was listed."""

    bag_version: BagVersionId
    path: str
    size: int
    etag: str

    def to_json(self) -> dict[str, Any]:
        """As one row of the sample."""
        return {"bagVersion": str(self.bag_version), "path": self.path, "size": self.size, "etag": self.etag}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(BagVersionId.parse(row["bagVersion"], stored=True), row["path"], row["size"], row["etag"])


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """Archived files of one audit that are to be read.

    Args:
        population: archived files that could be drawn; mode ``sample`` has drawn before, from all files, and has 0.
        wanted: how many were to be drawn.
        left_out: archived files that are too large for the budget.
        below: files of so many bytes or more are left out; 0: none is.
        files: what was drawn.
    """

    population: int
    wanted: int
    left_out: int
    below: int
    files: tuple[DrawnFile, ...]


def drawn_sample(services: Services, audit: Audit) -> DrawnSample | None:
    """The archived files to read, drawn once and written down.

    Returns:
        ``None`` when nothing archived is to be read: the mode is ``list``, nothing is archived, or the budget allows
        no file.

    Raises:
        StoreError: location, work area or receipt store did not answer.
        WorkError: an earlier draw cannot be read.
    """
    work = AuditWork(services.work, audit.id)
    rows = work.thaw_sample()
    if rows is None:
        drawn = _draw(services, audit)
        head = {} if drawn is None else {name: getattr(drawn, name) for name in drawn.__slots__ if name != "files"}
        rows = work.write_thaw_sample(head, [] if drawn is None else [file.to_json() for file in drawn.files])
    if not rows[0]:
        return None
    return DrawnSample(**rows[0], files=tuple(DrawnFile.from_json(row) for row in rows[1:]))


def thawing(services: Services, audit: Audit, sample: DrawnSample) -> int:
    """Ask for what was drawn, once, and say how many files have to be waited for.

    Raises:
        StoreError: the location did not answer, or refused a thaw.
    """
    location = services.locations[audit.location]
    store = services.stores.reading(location)
    work = AuditWork(services.work, audit.id)
    states = {file: store.stat(f"{location.version_prefix(file.bag_version)}{file.path}") for file in sample.files}
    archived = [info for info in states.values() if info is not None and info.archive is ArchiveState.ARCHIVED]
    if archived and not work.has_asked():
        _ask(services, audit, archived)
        work.write_asked()
        return len(archived) + _thawing(states)
    return _thawing(states)


def _thawing(states: Mapping[DrawnFile, ObjectInfo | None]) -> int:
    return sum(info is not None and info.archive is ArchiveState.THAWING for info in states.values())


def _ask(services: Services, audit: Audit, archived: Sequence[ObjectInfo]) -> None:
    location = services.locations[audit.location]
    days = services.audit_rules.thaw_days
    terms = AskTerms(f"audit {audit.id}", location.thaw.tier, days, services.clock())
    asked = asker_of(services, location).ask([Wanted(info) for info in archived], terms)
    for refusal in asked.refusals:
        raise refusal.error


def _draw(services: Services, audit: Audit) -> DrawnSample | None:
    store = services.stores.reading(services.locations[audit.location])
    if not services.audit_rules.thaw_bytes or Capability.THAW not in store.capabilities:
        return None
    events = [e for e in services.audits.of_audit(audit.id) if e.files_archived and e.mode is audit.mode]
    match audit.mode:
        case AuditMode.LIST:
            return None
        case AuditMode.READ:
            return _draw_within_budget(services, audit, events)
        case AuditMode.SAMPLE:
            return _drawn_before(services, audit, events)


def _draw_within_budget(services: Services, audit: Audit, events: Sequence[FixityEvent]) -> DrawnSample | None:
    rules = services.audit_rules
    classes = [_size_classes(services, event) for event in events]
    total: Counter[int] = Counter()
    for each in classes:
        total.update(each)
    plan = thaw_sample(total, budget=rules.thaw_bytes, confidence=rules.confidence, loss=rules.detectable_loss)
    if plan is None:
        return None
    counts = [sum(number for size, number in each.items() if size <= plan.limit_class) for each in classes]
    files: list[DrawnFile] = []
    for replica, places in draw(counts, plan.number, audit.seed).items():
        there = _archived(services, audit, events[replica].bag_version)
        candidates = (file for file in there if size_class(file.size) <= plan.limit_class)
        # The folder is listed anew: where files went meanwhile, fewer are read, and no statement is made.
        wanted = set(places)
        files += [file for place, file in enumerate(candidates) if place in wanted]
    below = 2**plan.limit_class if plan.left_out else 0
    return DrawnSample(plan.population, plan.number, plan.left_out, below, tuple(files))


def _drawn_before(services: Services, audit: Audit, events: Sequence[FixityEvent]) -> DrawnSample | None:
    files: list[DrawnFile] = []
    for event in events:
        record = read_record(services, event.record) or {}
        paths = set((record.get("sample") or {}).get("archived", ()))
        if paths:
            files += [file for file in _archived(services, audit, event.bag_version) if file.path in paths]
    if not files or sum(file.size for file in files) > services.audit_rules.thaw_bytes:
        return None
    return DrawnSample(0, len(files), 0, 0, tuple(files))


def _size_classes(services: Services, event: FixityEvent) -> dict[int, int]:
    record = read_record(services, event.record) or {}
    return {int(size): number for size, number in record.get("archivedSizes", {}).items()}


def _archived(services: Services, audit: Audit, bag_version: BagVersionId) -> Iterator[DrawnFile]:
    """The archived files of a replica that have the right size, by path: there may be a million."""
    found = bracketed(services, bag_version, services.locations[audit.location])
    if not isinstance(found, Bracketed):
        return
    listing = found.listing
    expected = RegisteredFiles(found.manifest, listing.table).sizes
    for number in listing.table.in_order():
        info = listing.at(number)
        if info is not None and info.size == expected.at(number) and not info.is_readable:
            yield DrawnFile(bag_version, listing.table.path(number), info.size, info.etag)
