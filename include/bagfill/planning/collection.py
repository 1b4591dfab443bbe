"""What a plan is made for, in numbers: how many bag versions, files and bytes, in which storage classes.

Collected one bag version, or one object, at a time; what is kept does not grow with the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 20
"""Names kept of each kind of refusal; the rest is counted."""


@dataclass(frozen=True, slots=True, order=True)
class ClassKey:
    """A storage class and whether its objects need a thaw now. A restored object still says ``GLACIER``."""

    storage_class: str
    archived: bool


@dataclass(slots=True)
class Amount:
    """Objects and bytes, and the requests that writing (or reading) them takes.

    Args:
        requests: one for a small object; for a large one its blocks, and two more to begin and to commit.
    """

    objects: int = 0
    bytes: int = 0
    requests: int = 0

    def add(self, objects: int, size: int, requests: int) -> None:
        """Count more of it."""
        self.objects += objects
        self.bytes += size
        self.requests += requests

    def scaled(self, objects: int, size: int, of: Amount) -> Amount:
        """This part of ``of``, as the same part of ``objects`` and ``size``."""
        share_objects = self.objects / of.objects if of.objects else 0.0
        share_bytes = self.bytes / of.bytes if of.bytes else 0.0
        requests = self.requests / of.objects * objects if of.objects else 0.0
        return Amount(round(share_objects * objects), round(share_bytes * size), round(requests))


@dataclass(slots=True)
class Refused:
    """Bag versions that cannot go, for one reason.

    Args:
        examples: the first of them, with what is wrong.
    """

    bag_versions: int = 0
    files: int = 0
    bytes: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, problem: str, *, files: int, size: int) -> None:
        """Count one more."""
        self.bag_versions += 1
        self.files += files
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append((name, problem))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "bag_versions": self.bag_versions,
            "files": self.files,
            "bytes": self.bytes,
            "examples": [{"bag_version": name, "problem": problem} for name, problem in self.examples],
        }


@dataclass(slots=True)
class Largest:
    """The largest of its kind, and its size in bytes."""

    name: str = ""
    bytes: int = 0

    def offer(self, name: str, size: int) -> None:
        """Keep ``name`` if it is larger than the largest so far."""
        if size > self.bytes or not self.name:
            self.name, self.bytes = name, size

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"name": self.name, "bytes": self.bytes}


@dataclass(slots=True)
class Collection:
    """What can go, by storage class, and what cannot.

    Args:
        bag_versions, files, bytes: that can go; each byte once (concrete files).
        looked_at: bag versions of them whose objects were listed; the classes of the others are taken to be alike.
        classes: of the objects that were looked at.
        refused: by reason, as a stable code.
        elsewhere: bag versions of the scope that are at the destination already.
    """

    bag_versions: int = 0
    files: int = 0
    bytes: int = 0
    looked_at: int = 0
    elsewhere: int = 0
    largest_bag: Largest = field(default_factory=Largest)
    largest_file: Largest = field(default_factory=Largest)
    classes: dict[ClassKey, Amount] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)

    def add_bag(self, name: str, files: int, size: int) -> None:
        """Count a bag version that can go."""
        self.bag_versions += 1
        self.files += files
        self.bytes += size
        self.largest_bag.offer(name, size)

    def remove_bag(self, files: int, size: int) -> None:
        """Take back what :meth:`add_bag` counted: a look at it found that it cannot go."""
        self.bag_versions -= 1
        self.files -= files
        self.bytes -= size

    def add_objects(self, key: ClassKey, amount: Amount) -> None:
        """Count objects that were looked at."""
        self.classes.setdefault(key, Amount()).add(amount.objects, amount.bytes, amount.requests)

    def refuse(self, reason: str, name: str, problem: str, *, files: int, size: int) -> None:
        """Count a bag version that cannot go."""
        self.refused.setdefault(reason, Refused()).add(name, problem, files=files, size=size)

    def estimated(self, unlooked: ClassKey, block_bytes: int) -> Mapping[ClassKey, Amount]:
        """Classes of everything that can go: those looked at, scaled to the whole by files and by bytes.

        Args:
            unlooked: the class taken for all when nothing was looked at.
            block_bytes: of large writes, for the count of requests when nothing was looked at.
        """
        seen = self.seen
        if not seen.objects:
            requests = self.files + self.bytes // block_bytes
            return {unlooked: Amount(self.files, self.bytes, requests)} if self.files else {}
        if seen.objects == self.files and seen.bytes == self.bytes:
            return self.classes
        return {key: amount.scaled(self.files, self.bytes, seen) for key, amount in self.classes.items()}

    @property
    def seen(self) -> Amount:
        """Everything that was looked at."""
        total = Amount()
        for amount in self.classes.values():
            total.add(amount.objects, amount.bytes, amount.requests)
        return total

    @property
    def refusals(self) -> Counter[str]:
        """Bag versions refused, by reason."""
        return Counter({reason: refused.bag_versions for reason, refused in self.refused.items()})
