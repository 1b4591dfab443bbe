"""Ask for thaws: what the ledger grants, what a budget permits, at the rate that all runs share, and note each answer.

The order is what makes it safe to die anywhere: reserve, permit, ask, note. A reservation that was made and not noted
is found again under its old chunk by whoever comes next, and asked again; the provider answers that it is under way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from bagfill.storage.errors import StoreError
from bagfill.storage.store import ObjectInfo, ThawAnswer, ThawTier
from bagfill.thaw.ledger import ThawKind, ThawLedger, ThawRecord, ThawTerms, ThawWant
from bagfill.thaw.sending import Sent, ThawSender
from bagfill.thaw.tiers import tier_for


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that is to be asked for, as it was just looked at, and why."""

    info: ObjectInfo
    kind: ThawKind = ThawKind.ARCHIVED


@dataclass(frozen=True, slots=True)
class AskTerms:
    """On what terms.

    Args:
        holder: who asks: an ingest's id, or another name that is the same when the same work is tried again.
        tier: how fast.
        days: how long the copies shall live.
        seen: when the objects were looked at.
    """

    holder: str
    tier: ThawTier
    days: int
    seen: datetime


@dataclass(frozen=True, slots=True)
class AskChunk:
    """Requests that are about to be sent, as a budget looks at them; see :mod:`bagfill.steps.thaw_permits`."""

    id: str
    storage_class: str
    tier: ThawTier
    days: int
    kind: ThawKind
    objects: int
    bytes: int


class AskPermits(Protocol):
    """Who must agree before a chunk is sent."""

    def permit(self, chunk: AskChunk) -> bool:
        """Whether it may be sent; no: nothing more is."""
        ...

    def settle(self, chunk: AskChunk, objects: int, size: int) -> None:
        """Learn how many objects and bytes of it the provider accepted."""
        ...


class NoBudget:
    """Everything is permitted."""

    def permit(self, chunk: AskChunk) -> bool:  # noqa: ARG002 - a protocol's argument
        """Yes."""
        return True

    def settle(self, chunk: AskChunk, objects: int, size: int) -> None:
        """Nothing was booked."""


@dataclass(frozen=True, slots=True)
class ThawRefusal:
    """One object whose thaw was not accepted, and why."""

    key: str
    error: StoreError


@dataclass(slots=True)
class Asked:
    """What came of asking.

    Args:
        counts: the provider's answers.
        refusals: objects that were refused, one by one.
        elsewhere: objects that somebody else asks for at this moment, or has asked for since the look.
        again: of those that were accepted, objects whose earlier copy went away unused.
        slower: Expedited thaws that the provider has no capacity for, and that were asked for as Standard.
        stopped: a budget let no more be sent.
    """

    counts: Counter[ThawAnswer] = field(default_factory=Counter)
    refusals: list[ThawRefusal] = field(default_factory=list)
    elsewhere: int = 0
    again: int = 0
    slower: int = 0
    stopped: bool = False


class ThawAsker:
    """Asks for objects of one location.

    Args:
        ledger: who asked for what.
        sender: sends the requests.
        permits: who must agree.
    """

    def __init__(self, ledger: ThawLedger, sender: ThawSender, permits: AskPermits | None = None) -> None:
        self._ledger = ledger
        self._sender = sender
        self._permits = permits or NoBudget()

    def ask(self, wanted: Sequence[Wanted], terms: AskTerms) -> Asked:
        """Ask for each object that nobody else asks for, chunk by chunk, until a budget says no.

        Called again after a crash it finds what was reserved, and sends only what was not noted as asked.

        Args:
            wanted: objects of a class that allows the tier; see :func:`bagfill.thaw.tiers.tier_for`.
            terms: on what terms.
        """
        asked = Asked()
        for chunk in _chunks(wanted, self._sender.chunk_objects):
            if asked.stopped:
                break
            self._ask_chunk(chunk, terms, asked)
        return asked

    def _ask_chunk(self, wanted: Sequence[Wanted], terms: AskTerms, asked: Asked) -> None:
        storage_class = wanted[0].info.storage_class
        tier = tier_for(storage_class, terms.tier) or terms.tier
        granted = self._ledger.reserve(
            self._sender.location,
            [ThawWant(each.info.key, each.info.etag, each.info.size, each.kind) for each in wanted],
            ThawTerms(terms.holder, str(uuid4()), tier, terms.days, terms.seen, self._sender.lease),
        )
        asked.elsewhere += len(wanted) - len(granted)
        groups: defaultdict[str, list[ThawRecord]] = defaultdict(list)
        for row in granted.values():
            groups[row.chunk].append(row)
        for rows in groups.values():
            if asked.stopped:
                self._release(rows)
                continue
            self._send(_described(storage_class, rows), rows, asked)

    def _send(self, chunk: AskChunk, rows: Sequence[ThawRecord], asked: Asked) -> None:
        if not self._permits.permit(chunk):
            asked.stopped = True
            self._release(rows)
            return
        earlier = {row.key: row.times for row in rows}
        for sent in self._sender.send(chunk.id, chunk.storage_class, rows):
            self._note(sent, rows[0].holder)
            asked.counts.update(sent.answers.values())
            asked.refusals += [ThawRefusal(key, error) for key, error in sent.refused.items()]
            asked.slower += len(sent.slower)
            asked.again += sum(
                answer is ThawAnswer.REQUESTED and earlier[key] > 0 and chunk.kind is ThawKind.ARCHIVED
                for key, answer in sent.answers.items()
            )
        self._permits.settle(chunk, *self._ledger.chunk(chunk.id))

    def _note(self, sent: Sent, holder: str) -> None:
        where = self._sender.location
        readable = {key for key, answer in sent.answers.items() if answer is ThawAnswer.NOT_ARCHIVED}
        # A thaw under way that the look did not show is most likely ours, of a request whose answer was lost.
        accepted = sent.answers.keys() - readable
        self._ledger.asked(where, accepted - sent.slower, holder, paid=True)
        self._ledger.asked(where, accepted & sent.slower, holder, paid=True, tier=ThawTier.STANDARD)
        self._ledger.release(where, [*readable, *sent.refused], holder)

    def _release(self, rows: Sequence[ThawRecord]) -> None:
        self._ledger.release(self._sender.location, [row.key for row in rows], rows[0].holder)


def _described(storage_class: str, rows: Sequence[ThawRecord]) -> AskChunk:
    one = rows[0]
    size = sum(row.size for row in rows)
    return AskChunk(one.chunk, storage_class, one.tier, one.days, one.kind, len(rows), size)


def _chunks(wanted: Sequence[Wanted], size: int) -> Iterator[Sequence[Wanted]]:
    """By class and kind, since these decide the price; in their order."""
    groups: Mapping[tuple[str, ThawKind], list[Wanted]]
    groups = defaultdict(list)
    for each in wanted:
        groups[each.info.storage_class, each.kind].append(each)
    for group in groups.values():
        for start in range(0, len(group), size):
            yield group[start : start + size]
