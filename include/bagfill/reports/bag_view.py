"""One bag: which version is where, in which state, by which evidence; and what happened to it, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from bagfill.audit.log import AuditLog
from bagfill.audit.model import AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.tracker import IngestTracker
from bagfill.registry.registry import Registry, ReplicaRecord
from bagfill.registry.sizes import SizedBagVersion

VERSIONS_SHOWN = 25
MOMENTS_SHOWN = 150


class ReplicaState(StrEnum):
    """How one bag version stands at one location."""

    PROVED = "proved"
    """Registered, with a receipt."""
    IMPORTED = "imported"
    """Registered as it was found; no receipt."""
    DOUBTED = "doubted"
    """Registered, and its last audit found something."""
    IN_WORK = "in work"
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ReplicaCell:
    """One bag version at one location.

    Args:
        replica: its registration.
        audit: the newest look at it.
        ingest: the newest that was to bring it.
    """

    location: str
    replica: ReplicaRecord | None
    audit: FixityEvent | None
    ingest: Ingest | None

    @property
    def state(self) -> ReplicaState:
        """The one word for it. A registration says more than an ingest."""
        if self.replica is not None:
            if self.audit is not None and self.audit.outcome is AuditOutcome.FINDINGS:
                return ReplicaState.DOUBTED
            return ReplicaState.IMPORTED if self.replica.receipt is None else ReplicaState.PROVED
        if self.ingest is None or self.ingest.status is IngestStatus.SUCCEEDED:
            return ReplicaState.MISSING
        return ReplicaState.FAILED if self.ingest.status is IngestStatus.FAILED else ReplicaState.IN_WORK


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version of a bag; ``cells`` in the order of the view's locations."""

    version: BagVersion
    files: int
    bytes: int
    cells: tuple[ReplicaCell, ...]


@dataclass(frozen=True, slots=True)
class BagMoment:
    """Something that happened.

    Args:
        at: when, timezone-aware.
        kind: ``request`` (an ingest was opened), ``ingest``, ``audit`` or ``registration``.
        version: of the bag.
        location: where it was to be, or was looked at.
        text: in words.
        ingest: that it belongs to.
        bad: whether it went wrong.
    """

    at: datetime
    kind: str
    version: BagVersion
    location: str
    text: str
    ingest: Ingest | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True)
class BagView:
    """One bag.

    Args:
        locations: the columns.
        versions: newest first, a page of them.
        before: the last of the page, if there are older ones.
        moments: newest first, the newest :data:`MOMENTS_SHOWN`.
        more_moments: whether older ones were left out.
    """

    bag: BagId
    locations: tuple[str, ...]
    versions: tuple[VersionLine, ...]
    before: BagVersion | None
    moments: tuple[BagMoment, ...]
    more_moments: bool


def bag_view(
    registry: Registry,
    ingests: IngestTracker,
    audits: AuditLog,
    locations: Sequence[str],
    bag: BagId,
    *,
    before: BagVersion | None = None,
) -> BagView | None:
    """A bag as a person looks at it; ``None`` if it is not known. Opens no storage manifest.

    Args:
        locations: names of configured locations; those where the bag is registered besides are added.
        before: only versions below this one.
    """
    known = [each for each in registry.sizes(bag=bag) if before is None or each.bag_version.version < before]
    if not known:
        return None
    newest_first = known[::-1]
    shown = newest_first[:VERSIONS_SHOWN]
    columns = tuple(dict.fromkeys([*locations, *(name for each in shown for name in each.locations)]))
    about = {name: ingests.of_bag(bag, name) for name in columns}
    looks = audits.history(bag)
    lines = tuple(_line(registry, each, columns, about, looks) for each in shown)
    found = sorted(_moments(lines, about, looks), key=lambda moment: moment.at, reverse=True)
    older = shown[-1].bag_version.version if len(newest_first) > len(shown) else None
    return BagView(bag, columns, lines, older, tuple(islice(found, MOMENTS_SHOWN)), len(found) > MOMENTS_SHOWN)


def _line(
    registry: Registry,
    sized: SizedBagVersion,
    columns: Sequence[str],
    about: dict[str, Sequence[Ingest]],
    looks: Sequence[FixityEvent],
) -> VersionLine:
    replicas = {replica.location: replica for replica in registry.replicas(sized.bag_version)}

    def cell(name: str) -> ReplicaCell:
        return ReplicaCell(
            name,
            replicas.get(name),
            next((look for look in looks if (look.bag_version, look.location) == (sized.bag_version, name)), None),
            next((ingest for ingest in about[name] if ingest.bag_version == sized.bag_version), None),
        )

    return VersionLine(sized.bag_version.version, sized.files, sized.bytes, tuple(map(cell, columns)))


def _moments(
    lines: Sequence[VersionLine], about: dict[str, Sequence[Ingest]], looks: Sequence[FixityEvent]
) -> Iterator[BagMoment]:
    shown = {line.version for line in lines}
    for line in lines:
        for cell in line.cells:
            if cell.replica is not None:
                how = "learnt by import" if cell.replica.receipt is None else "registered, with a receipt"
                yield BagMoment(cell.replica.registered, "registration", line.version, cell.location, how)
    for name, tried in about.items():
        for ingest in tried:
            if ingest.bag_version.version not in shown:
                continue
            version, failed = ingest.bag_version.version, ingest.status is IngestStatus.FAILED
            yield BagMoment(ingest.created, "request", version, name, f"asked for, from {ingest.source}", ingest)
            last = len(ingest.events) - 1
            for number, event in enumerate(ingest.events):
                bad = failed and number == last
                yield BagMoment(event.created, "ingest", version, name, event.description, ingest, bad)
    for look in looks:
        if look.bag_version.version in shown:
            text = f"{look.mode}: {look.outcome}" + (f". {look.detail}" if look.detail else "")
            bad = look.outcome is AuditOutcome.FINDINGS
            yield BagMoment(look.occurred, "audit", look.bag_version.version, look.location, text, None, bad)


def bag_of_request(ingests: IngestTracker, request_id: str) -> BagVersionId | None:
    """The bag that a request (an Airflow run) is about; the oldest of its versions. ``None``: it opened no ingest."""
    return next((ingest.bag_version for ingest in ingests.of_request(request_id)), None)
