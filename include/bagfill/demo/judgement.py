"""Whether each sample bag ended as it should: looked up in registry and stores, not taken from a report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.content import Content
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.steps.close_ingest import failure_text
from bagfill.steps.services import Services
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class JudgedBag:
    """How one sample ended.

    Args:
        sample: which.
        registered: whether its storage manifest lists the destination.
        reason: why not, by its newest ingest.
        why: the same in a sentence: which file, where, what was expected and seen, what to do; empty if registered.
        ingest_id: of that ingest; ``None`` if there is none.
        problems: what is not as it should be.
    """

    sample: SampleBag
    registered: bool
    reason: Reason | None
    why: str
    ingest_id: str | None
    problems: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """One or two words."""
        if self.registered:
            return "registered"
        return self.reason.code if self.reason is not None else "not registered"

    @property
    def expected(self) -> str:
        """What should have come out, in the words of ``outcome``."""
        return "registered" if self.sample.expected is None else self.sample.expected.code

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "bag_version": str(self.sample.id),
            "about": self.sample.about,
            "outcome": self.outcome,
            "expected": self.expected,
            "why": self.why,
            "ingest": self.ingest_id,
            "problems": list(self.problems),
        }


def judge(services: Services, samples: Sequence[SampleBag], source: str, destination: str) -> tuple[JudgedBag, ...]:
    """Look at registry, receipts and both locations. Raises StoreError, or what the registry raises."""
    judge_one = _Judge(services, services.locations[source], services.locations[destination])
    return tuple(judge_one(sample) for sample in samples)


class _Judge:
    def __init__(self, services: Services, source: Location, destination: Location) -> None:
        self._services = services
        self._source, self._destination = source, destination
        self._source_store = services.stores.reading(source)
        self._destination_store = services.stores.reading(destination)

    def __call__(self, sample: SampleBag) -> JudgedBag:
        ingest = next(iter(self._services.ingests.of_bag_version(sample.id, self._destination.name)), None)
        problems: list[str] = []
        stored = self._services.registry.manifest(sample.id)
        if stored is None:
            problems.append("the registry does not know it")
        listed = stored is not None and stored.manifest.is_at(self._destination.in_manifest(sample.id.bag))
        if sample.expected is None:
            problems += self._registered_well(sample, ingest, listed=listed)
        else:
            problems += self._kept_out(sample, ingest, sample.expected, listed=listed)
        reason = None if ingest is None else ingest.reason
        why = "" if ingest is None or reason is None else failure_text(self._services, ingest) or reason.advice
        return JudgedBag(sample, listed, reason, why, None if ingest is None else str(ingest.id), tuple(problems))

    def _registered_well(self, sample: SampleBag, ingest: Ingest | None, *, listed: bool) -> list[str]:
        problems: list[str] = []
        if not listed:
            problems.append(f"its storage manifest does not list {self._destination.name}")
        if ingest is None or ingest.status is not IngestStatus.SUCCEEDED:
            problems.append("its ingest has not succeeded")
        replicas = self._services.registry.replicas(sample.id)
        record = next((replica for replica in replicas if replica.location == self._destination.name), None)
        if record is None or record.receipt is None or not self._services.receipts.exists(record.receipt):
            problems.append("it has no receipt")
        at_source = _listing(self._source_store, self._source.version_prefix(sample.id))
        if at_source != {item.path: item.content.size for item in sample.objects}:
            problems.append("its objects at the source are not those of the sample")
        if _listing(self._destination_store, self._destination.version_prefix(sample.id)) != at_source:
            problems.append("its objects at the destination are not those at the source")
        return problems

    def _kept_out(self, sample: SampleBag, ingest: Ingest | None, expected: Reason, *, listed: bool) -> list[str]:
        problems: list[str] = []
        if listed:
            problems.append(f"its storage manifest lists {self._destination.name}, and must not")
        if any(replica.location == self._destination.name for replica in self._services.registry.replicas(sample.id)):
            problems.append(f"it is registered at {self._destination.name}, and must not be")
        if ingest is None or ingest.status is not IngestStatus.FAILED:
            problems.append("its ingest has not failed")
        elif ingest.reason is not expected:
            problems.append(f"its ingest's reason is {ingest.reason.code if ingest.reason else 'not given'}")
        prefix = self._destination.version_prefix(sample.id)
        for path, content in sample.planted.items():
            if _sha256(self._destination_store, prefix + path) != _sha256_of(content):
                problems.append(f"{path} at the destination is not what was left there")
        return problems


def _listing(store: ObjectStore, prefix: str) -> dict[str, int]:
    return {info.key.removeprefix(prefix): info.size for info in store.list(prefix)}


def _sha256(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    for chunk in store.read(key):
        digest.update(chunk)
    return digest.hexdigest()


def _sha256_of(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    return digest.hexdigest()
