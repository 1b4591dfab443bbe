"""Waivers: decisions by people that a known bag version may break a certain rule in a certain file.

``tests/contracts/waivers_contract.py`` checks every implementation. A decision is never changed or removed; a later
one about the same bag version, file and rule takes its place, and ends it if it is over at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any, Protocol

from bagfill.bag.identifiers import BagVersionId


@dataclass(frozen=True, slots=True)
class Waiver:
    """One decision.

    Args:
        bag_version: what it is about.
        path: the file, in the bag version's folder; empty for a rule that is about the bag as a whole.
        code: of the rule that may be broken.
        who: decided it.
        why: in the words of that person.
        granted: when, timezone-aware.
        until: when it ends, timezone-aware; ``None``: never.
    """

    bag_version: BagVersionId
    path: str
    code: str
    who: str
    why: str
    granted: datetime
    until: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        """Whether it has not ended."""
        return self.until is None or moment < self.until

    def covers(self, code: str, path: str) -> bool:
        """Whether it is about this rule and this file."""
        return (self.code, self.path) == (code, path)

    def to_json(self) -> dict[str, Any]:
        """As in a receipt: everything but the bag version, which the receipt is about."""
        return {
            "code": self.code,
            "path": self.path,
            "who": self.who,
            "why": self.why,
            "granted": self.granted.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
        }


class Waivers(Protocol):
    """Where waivers are kept."""

    def grant(self, waiver: Waiver) -> None:
        """Record one decision; it takes the place of an earlier one about the same bag version, file and rule."""
        ...

    def of(self, bag_version: BagVersionId) -> Sequence[Waiver]:
        """The decisions that count for one bag version, ended ones included, in the order they were made."""
        ...

    def all(self, *, space: str | None = None) -> Iterator[Waiver]:
        """Every decision that was made, those that were replaced included, in the order they were made."""
        ...


def newest_of_each(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Of decisions in the order they were made, the last about each bag version, file and rule."""
    newest: dict[tuple[BagVersionId, str, str], Waiver] = {}
    for waiver in waivers:
        key = (waiver.bag_version, waiver.path, waiver.code)
        newest.pop(key, None)
        newest[key] = waiver
    return tuple(newest.values())


class MemoryWaivers:
    """See :class:`Waivers`. One process, nothing is kept."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._granted: list[Waiver] = []

    def grant(self, waiver: Waiver) -> None:
        """See :meth:`Waivers.grant`."""
        with self._lock:
            self._granted.append(waiver)

    def of(self, bag_version: BagVersionId) -> Sequence[Waiver]:
        """See :meth:`Waivers.of`."""
        with self._lock:
            return newest_of_each(waiver for waiver in self._granted if waiver.bag_version == bag_version)

    def all(self, *, space: str | None = None) -> Iterator[Waiver]:
        """See :meth:`Waivers.all`."""
        with self._lock:
            found = [waiver for waiver in self._granted if space is None or str(waiver.bag_version.space) == space]
        yield from found
