"""What a sweep may start: bag by bag, from registry and ingest tracker, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import Ingest
from bagfill.ingests.reasons import Reason
from bagfill.registry.missing import MissingBag, MissingVersion
from bagfill.steps.bag_history import NeedsPerson, ended, not_now
from bagfill.steps.run_ids import run_id_of
from bagfill.steps.services import Services

_BAGS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SweepStart:
    """One bag to start, for all its missing versions.

    It is a :class:`bagfill.planning.parcels.BagWork`.

    Args:
        run_id: the same for the same attempt, whoever sweeps: the workflow system refuses the second one. In a parcel
            it is the id of the bag's request.
        fields: the request, as ``BackfillRequest.parse`` takes it.
        versions: how many are missing.
        files, bytes: of those versions; concrete files only.
        added: when the registry learnt of the oldest of them.
        oldest: number of the oldest of them.
        own_run: whether a parcel gave it back before, for it is archived.
    """

    run_id: str
    bag: str
    destination: str
    fields: dict[str, Any]
    versions: int
    files: int
    bytes: int
    added: datetime
    own_run: bool = False
    oldest: int = 1

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "added": self.added.isoformat()}


@dataclass(frozen=True, slots=True)
class SweepSkipped:
    """One bag that lacks a replica and is not started now, and why.

    Args:
        why: in words.
        needs: set if it is not tried again without a person.
    """

    bag: str
    destination: str
    why: str
    needs: NeedsPerson | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"bag": self.bag, "destination": self.destination, "why": self.why}


class SweepError(ValueError):
    """The sweep was asked for something that is not configured. Not retryable."""

    retryable = False


def sweep_candidates(
    services: Services, *, destination: str | None = None, space: str | None = None
) -> Iterator[SweepStart | SweepSkipped]:
    """Hold the policies against the registry: one start per bag and destination, bags with the oldest version first.

    A bag that failed for good is left to a person; one that failed for a passing reason is tried again after a pause
    that doubles; one that is being worked on is left alone. Nothing is opened and nothing is written.

    Args:
        destination: only this location; ``None``: every location of every policy.
        space: only this space.

    Raises:
        SweepError: ``destination`` is no location, or no policy sends anything there.
    """
    # Before the first bag is asked for, so that wrong use is told at once.
    targets = policy_targets(services, destination, space)
    return _candidates(services, targets)


def _candidates(
    services: Services, targets: Sequence[tuple[str, Sequence[str] | None]]
) -> Iterator[SweepStart | SweepSkipped]:
    for location, spaces in targets:
        yield from candidates_at(services, location, spaces)


def candidates_at(
    services: Services, location: str, spaces: Sequence[str] | None
) -> Iterator[SweepStart | SweepSkipped]:
    """What is missing at one location, whatever the policies say of it: as :func:`sweep_candidates`.

    Args:
        spaces: only these; ``None``: every space.
    """
    missing = services.registry.missing_bags(location, spaces=spaces)
    while some := list(islice(missing, _BAGS_AT_ONCE)):
        yield from judged_bags(services, some, location)


def judged_bags(services: Services, bags: Sequence[MissingBag], location: str) -> Iterator[SweepStart | SweepSkipped]:
    """Some bags at one location, each as :func:`sweep_candidates` judges it.

    Args:
        bags: at most a few hundred.
    """
    names = [each.bag for each in bags]
    ingests = services.ingests.of_bags(names, location)
    released = services.releases.last(names, location)
    for each in bags:
        yield _candidate(services, each, location, ingests.get(each.bag, ()), released.get(each.bag))


def candidate_for(services: Services, bag: BagId, location: str) -> SweepStart | SweepSkipped | None:
    """One bag at one location, as a sweep would judge it now; ``None``: nothing is missing there."""
    versions = services.registry.versions(bag)
    lacking = [v for v in versions if not _is_registered(services, BagVersionId(bag, v), location)]
    if not lacking:
        return None
    # How large they are decides about parcels alone, and this one gets a run of its own.
    missing = MissingBag(bag, tuple(MissingVersion(version, 0, 0, services.clock()) for version in lacking))
    ingests = services.ingests.of_bag(bag, location)
    return _candidate(services, missing, location, ingests, services.releases.last([bag], location).get(bag))


def start_of(services: Services, bag: BagId, destination: str, *, own_run: bool = False) -> SweepStart | None:
    """The start of one bag as a sweep would propose it now, whatever happened before; ``None``: nothing is missing."""
    versions = services.registry.versions(bag)
    lacking = [v for v in versions if not _is_registered(services, BagVersionId(bag, v), destination)]
    if not lacking:
        return None
    ingests = services.ingests.of_bag(bag, destination)
    return _start(bag, destination, ingests, (len(lacking), 0, 0), services.clock(), own_run=own_run)


def _is_registered(services: Services, bag_version: BagVersionId, location: str) -> bool:
    return any(replica.location == location for replica in services.registry.replicas(bag_version))


def policy_targets(
    services: Services, destination: str | None, space: str | None
) -> Sequence[tuple[str, Sequence[str] | None]]:
    """Location → spaces that belong there (``None``: all), each location once. Raises SweepError."""
    if destination is not None and destination not in services.locations:
        known = ", ".join(sorted(services.locations))
        raise SweepError(f"destination: found {destination!r}, configured locations are {known}")
    wanted: dict[str, set[str] | None] = {}
    for policy in services.policies:
        for location in policy.locations:
            if destination is not None and location != destination:
                continue
            known_spaces = wanted.get(location, set())
            wanted[location] = None if known_spaces is None or not policy.spaces else known_spaces | set(policy.spaces)
    if destination is not None and destination not in wanted:
        raise SweepError(f"destination: no policy of the settings sends any space to {destination!r}")
    if space is None:
        return [(location, None if spaces is None else sorted(spaces)) for location, spaces in wanted.items()]
    return [(location, [space]) for location, spaces in wanted.items() if spaces is None or space in spaces]


def _candidate(
    services: Services,
    missing: MissingBag,
    location: str,
    ingests: Sequence[Ingest],
    released: datetime | None,
) -> SweepStart | SweepSkipped:
    """One bag.

    Args:
        ingests: all of the bag to this location, newest first.
        released: when a person last said that it may be tried again.
    """
    versions = [each.version for each in missing.versions]
    for ingest in ingests:
        if is_running(services, ingest):
            return SweepSkipped(str(missing.bag), location, f"running: ingest {ingest.id}")
    # What became of versions that are registered by now says nothing about those that are missing, nor does what
    # failed before a person saw to it.
    about = [
        ingest
        for ingest in ingests
        if ingest.bag_version.version in versions and (released is None or ended(ingest) > released)
    ]
    left = not_now(services, missing.bag, location, versions, about)
    if left is not None:
        return SweepSkipped(str(missing.bag), location, left.why, left.needs)
    amounts = (len(versions), missing.files, missing.bytes)
    own_run = any(ingest.reason is Reason.NEEDS_OWN_RUN for ingest in about)
    start = _start(missing.bag, location, ingests, amounts, missing.versions[0].added, own_run=own_run)
    return replace(start, oldest=versions[0].number)


def is_running(services: Services, ingest: Ingest) -> bool:
    """Whether somebody works on it. One whose run ended without closing it is abandoned: its claim ran out or is gone.

    An ingest is opened a moment before its claim is taken, so without any claim it counts as running for one lease.
    """
    if ingest.status.is_final:
        return False
    claim = services.registry.claim_of(ingest.bag_version, ingest.destination)
    if claim is None:
        return ingest.created + services.limits.lease > services.clock()
    return claim.holder == str(ingest.id) and claim.expires > services.clock()


def _start(
    bag: BagId,
    location: str,
    ingests: Sequence[Ingest],
    amounts: tuple[int, int, int],
    added: datetime,
    *,
    own_run: bool,
) -> SweepStart:
    attempt = 1 + len({ingest.request_id for ingest in ingests})
    fields = {"space": str(bag.space), "external_identifier": str(bag.external_identifier), "destination": location}
    run_id = run_id_of(bag, location, attempt)
    return SweepStart(run_id, str(bag), location, fields, *amounts, added, own_run)
