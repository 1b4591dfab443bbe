"""Find what is missing where, and say which runs to start. The registry is asked, never the workflow system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.ingests.model import Ingest
from bagfill.ingests.reasons import Reason
from bagfill.steps.services import Services

MOST_ATTEMPTS = 5
"""Requests for one bag and destination that may fail retryably before a person is asked."""

_FIRST_PAUSE = timedelta(minutes=10)
_RUN_ID_LIMIT = 200
_SAFE = re.compile(rb"[A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class SweepStart:
    """One run to start.

    Args:
        run_id: the same for the same attempt, whoever sweeps: the workflow system refuses the second one.
        fields: the request, as ``BackfillRequest.parse`` takes it.
    """

    run_id: str
    bag: str
    destination: str
    fields: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class SweepSkipped:
    """One bag that lacks a replica and is not started now, and why."""

    bag: str
    destination: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class SweepFindings:
    """What a sweep found: at most ``limit`` starts, bags with the oldest missing version first."""

    starts: tuple[SweepStart, ...]
    skipped: tuple[SweepSkipped, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"starts": [s.to_json() for s in self.starts], "skipped": [s.to_json() for s in self.skipped]}


class SweepError(ValueError):
    """The sweep was asked for something that is not configured. Not retryable."""

    retryable = False


def find_unbackfilled(
    services: Services, *, destination: str | None = None, space: str | None = None, limit: int
) -> SweepFindings:
    """Hold the policies against the registry.

    One run is proposed per bag and destination; it takes all missing versions of the bag in ascending order, since a
    version may need the older ones. A bag that failed for good is left to a person; one that failed for a passing
    reason is tried again after a pause that doubles; one that is being worked on is left alone.

    Args:
        destination: only this location; ``None``: every location of every policy.
        space: only this space.
        limit: most runs to start; 0 or more.

    Raises:
        SweepError: ``destination`` is no location, or no policy sends anything there.
    """
    starts: list[SweepStart] = []
    skipped: list[SweepSkipped] = []
    for location, spaces in _targets(services, destination, space):
        for bag, versions in _missing_bags(services, location, spaces):
            if len(starts) >= limit:
                return SweepFindings(tuple(starts), tuple(skipped))
            why = _why_not(services, bag, location, versions)
            if why is None:
                starts.append(_start(services, bag, location))
            else:
                skipped.append(SweepSkipped(str(bag), location, why))
    return SweepFindings(tuple(starts), tuple(skipped))


def run_id_of(bag: BagId, destination: str, attempt: int) -> str:
    """A run id made of characters that Airflow allows (``[A-Za-z0-9_.~:+-]``), unique for bag, destination and attempt.

    Args:
        attempt: from 1.
    """
    head = f"bag__{_encode(str(bag))}__{_encode(destination)}"
    tail = f"__a{attempt}"
    if len(head) + len(tail) > _RUN_ID_LIMIT:
        digest = hashlib.sha256(head.encode()).hexdigest()[:32]
        head = f"{head[: _RUN_ID_LIMIT - len(tail) - len(digest) - 2]}~~{digest}"
    return head + tail


def _targets(
    services: Services, destination: str | None, space: str | None
) -> Iterator[tuple[str, Sequence[str] | None]]:
    """Location → spaces that belong there (``None``: all), each location once."""
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
    for location, spaces in wanted.items():
        if space is None:
            yield location, None if spaces is None else sorted(spaces)
        elif spaces is None or space in spaces:
            yield location, [space]


def _missing_bags(
    services: Services, location: str, spaces: Sequence[str] | None
) -> Iterator[tuple[BagId, list[BagVersion]]]:
    """Bags with versions missing at ``location``, in the order of their oldest missing version."""
    seen: set[BagId] = set()
    missing = services.registry.missing(location, spaces=spaces)
    for bag, group in groupby(missing, key=lambda bag_version: bag_version.bag):
        list(group)
        if bag in seen:
            continue
        seen.add(bag)
        versions = [
            version
            for version in services.registry.versions(bag)
            if not _is_registered(services, BagVersionId(bag, version), location)
        ]
        if versions:
            yield bag, versions


def _is_registered(services: Services, bag_version: BagVersionId, location: str) -> bool:
    return any(replica.location == location for replica in services.registry.replicas(bag_version))


def _why_not(services: Services, bag: BagId, location: str, versions: list[BagVersion]) -> str | None:
    """Why a bag should not be started now, or ``None`` if it should."""
    ingests = services.ingests.of_bag(bag, location)
    if not ingests:
        return None
    for ingest in ingests:
        if _is_running(services, ingest):
            return f"running: ingest {ingest.id}"
    # What became of versions that are registered by now says nothing about those that are missing.
    ingests = [ingest for ingest in ingests if ingest.bag_version.version in versions]
    hopeless = _hopeless(services, bag, versions, ingests)
    if hopeless.keys() >= set(versions):
        return "needs a person: " + "; ".join(f"{version}: {why}" for version, why in sorted(hopeless.items()))
    failed = len({ingest.request_id for ingest in ingests if ingest.reason is not Reason.ALREADY_RUNNING})
    if failed >= MOST_ATTEMPTS:
        return f"needs a person: failed {failed} times, last: {_reason(ingests[0])}"
    if failed:
        last = max(ingest.last_modified or ingest.created for ingest in ingests)
        due = last + _FIRST_PAUSE * 2 ** (failed - 1)
        if due > services.clock():
            return f"tried again after {due:%Y-%m-%dT%H:%M:%SZ}: {_reason(ingests[0])}"
    return None


def _is_running(services: Services, ingest: Ingest) -> bool:
    """Whether somebody works on it. One whose run ended without closing it is abandoned: its claim ran out or is gone.

    An ingest is opened a moment before its claim is taken, so without any claim it counts as running for one lease.
    """
    if ingest.status.is_final:
        return False
    claim = services.registry.claim_of(ingest.bag_version, ingest.destination)
    if claim is None:
        return ingest.created + services.limits.lease > services.clock()
    return claim.holder == str(ingest.id) and claim.expires > services.clock()


def _hopeless(
    services: Services, bag: BagId, versions: list[BagVersion], ingests: Sequence[Ingest]
) -> dict[BagVersion, str]:
    """Versions that failed for good, and those that need one of them."""
    hopeless: dict[BagVersion, str] = {}
    for version in versions:
        latest = next((ingest for ingest in ingests if ingest.bag_version.version == version), None)
        if latest is not None and latest.reason is not None and not latest.reason.retryable:
            hopeless[version] = latest.reason.code
            continue
        if latest is None and not hopeless:
            continue
        stored = services.registry.manifest(BagVersionId(bag, version))
        blocking = sorted(hopeless.keys() & stored.manifest.depends_on) if stored is not None else []
        if blocking:
            hopeless[version] = f"needs {blocking[0]}"
    return hopeless


def _reason(ingest: Ingest) -> str:
    return ingest.status.value if ingest.reason is None else ingest.reason.code


def _start(services: Services, bag: BagId, location: str) -> SweepStart:
    attempt = 1 + len({ingest.request_id for ingest in services.ingests.of_bag(bag, location)})
    fields = {"space": str(bag.space), "external_identifier": str(bag.external_identifier), "destination": location}
    return SweepStart(run_id_of(bag, location, attempt), str(bag), location, fields)


def _encode(text: str) -> str:
    """Without ``__`` and without ``_`` at an end, which part the pieces of a run id."""
    safe = "".join(chr(b) if _SAFE.match(bytes([b])) else f"~{b:02x}" for b in text.encode(errors="surrogatepass"))
    return re.sub(r"(?<![A-Za-z0-9.-])_|_(?![A-Za-z0-9.-])", "~5f", safe)
