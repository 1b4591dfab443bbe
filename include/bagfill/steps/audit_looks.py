"""What an audit found of each file of a replica, in columns: a replica may have a million files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bagfill.audit.comparison import compare_object
from bagfill.audit.model import FindingKind
from bagfill.bag.columns import Sizes, Texts
from bagfill.steps.audit_evidence import Evidence
from bagfill.steps.audit_reading import Look, Right, Unread, Vanished, Wrong
from bagfill.steps.listings import VersionListing
from bagfill.storage.store import ObjectInfo

MOST_HELD = 10_000
"""Of findings, and of files that could not be read, that are held and recorded one by one; the rest is counted."""

_NOT_READ, _RIGHT, _WRONG, _VANISHED, _UNREAD, _ARCHIVED = range(6)
_REPLACED = FindingKind.REPLACED

Difference = tuple[FindingKind, str, str, str]
"""Kind, path, what was expected, what was seen."""


class SoundObjects(Mapping[str, ObjectInfo]):
    """The objects of a listing that have the right size, by path, in order of their paths.

    Args:
        sizes: that they should have; by the same table as the listing.
        listing: what is there.
        readable: only those that can be read now.
    """

    def __init__(self, sizes: Sizes, listing: VersionListing, *, readable: bool = False) -> None:
        self._sizes = sizes
        self._listing = listing
        self._readable = readable and not listing.all_readable

    def __getitem__(self, path: str) -> ObjectInfo:
        number = self._listing.table.number(path)
        info = self._listing.at(number) if number is not None and self._has(number) else None
        if info is None:
            raise KeyError(path)
        return info

    def __iter__(self) -> Iterator[str]:
        table = self._listing.table
        return (table.path(number) for number in table.in_order() if self._has(number))

    def __len__(self) -> int:
        return sum(map(self._has, range(len(self._listing.table))))

    def _has(self, number: int) -> bool:
        size = self._sizes.at(number)
        if size is None or self._listing.sizes.at(number) != size:
            return False
        info = self._listing.at(number) if self._readable else None
        return info is None or info.is_readable


class Looks:
    """What was read of the files of one replica, beside its listing.

    Args:
        evidence: what the files should be.
        listing: what is there; by the same table of paths.
    """

    def __init__(self, evidence: Evidence, listing: VersionListing) -> None:
        self._evidence = evidence
        self._listing = listing
        self._table = listing.table
        self._states = bytearray(len(self._table))
        self._etags = Texts()
        self._held: dict[int, Wrong | Unread] = {}

    def note(self, path: str, look: Look) -> None:
        """Take in what was found of a file."""
        number = self._table.add(path)
        match look:
            case Right(etag):
                self._states[number] = _RIGHT
                if self._evidence.etags.at(number) != etag:
                    self._etags.set(number, etag)
            case Wrong():
                self._states[number] = _WRONG
            case Vanished():
                self._states[number] = _VANISHED
            case Unread(_, archived):
                self._states[number] = _ARCHIVED if archived else _UNREAD
        if isinstance(look, Wrong | Unread) and len(self._held) < 2 * MOST_HELD:
            self._held[number] = look

    def differs(self) -> bool:
        """Whether the listing alone shows anything wrong."""
        return any(self._listed(number) is not None for number in range(len(self._table)))

    def differences(self) -> Iterator[Difference]:
        """Everything that is wrong, by path and kind. What was read is judged by its bytes."""
        for number in self._table.in_order():
            listed, state = self._listed(number), self._states[number]
            found = [] if listed is None or (listed[0] is _REPLACED and state in {_RIGHT, _WRONG}) else [listed]
            if state > _RIGHT or self._etags.get(number) is not None:
                found += self._read(number)
            yield from sorted(found)

    def unread(self) -> Iterator[tuple[str, str]]:
        """Files of which nothing could be found out, and why; those that are archived are none of them."""
        for number in self._table.in_order():
            if self._states[number] == _UNREAD:
                look = self._held.get(number)
                yield self._table.path(number), look.why if isinstance(look, Unread) else "could not be read"

    @property
    def files_read(self) -> int:
        """From the first byte to the last."""
        return self._states.count(_RIGHT) + self._states.count(_WRONG)

    @property
    def bytes_read(self) -> int:
        """Of these."""
        read = (number for number, state in enumerate(self._states) if state in {_RIGHT, _WRONG})
        return sum(self._evidence.sizes.at(number) or 0 for number in read)

    @property
    def new_etags(self) -> Texts:
        """By number, of objects that were read and right, and are not those that were known."""
        return self._etags

    def archived(self) -> Sizes:
        """Files of the right size that cannot be read now."""
        found = Sizes(self._table)
        if self._listing.all_readable and _ARCHIVED not in self._states:
            return found
        for number, state in enumerate(self._states):
            size, info = self._evidence.sizes.at(number), self._listing.at(number)
            if size is None or info is None or info.size != size:
                continue
            if state == _ARCHIVED or not info.is_readable:
                found.set(number, size)
        return found

    def drawn(self, paths: Sequence[str]) -> tuple[int, int]:
        """Of files that were drawn: how many are right, and how many are wrong or not there."""
        good = bad = 0
        for path in paths:
            number = self._table.add(path)
            sound = self._listing.sizes.at(number) == self._evidence.sizes.at(number)
            good += self._states[number] == _RIGHT
            bad += not sound or self._states[number] in {_WRONG, _VANISHED}
        return good, bad

    def _listed(self, number: int) -> Difference | None:
        sizes, there = self._evidence.sizes.at(number), self._listing.sizes.at(number)
        if sizes is None and there is None:
            return None
        path = self._table.path(number)
        etag = self._evidence.etags.at(number) if sizes is not None else None
        if sizes == there and etag in {None, self._listing.etag(number)}:
            return None
        found = compare_object(path, sizes, etag, self._listing.at(number))
        return None if found is None else (found.kind, found.path, found.expected, found.seen)

    def _read(self, number: int) -> Iterator[Difference]:
        """What the bytes of a file showed."""
        path, state = self._table.path(number), self._states[number]
        if state == _WRONG:
            look = self._held.get(number)
            expected, seen = (look.expected, look.seen) if isinstance(look, Wrong) else ("its digests", "others")
            yield FindingKind.DAMAGED, path, expected, seen
        elif state == _VANISHED:
            yield FindingKind.MISSING, path, f"{self._evidence.sizes.at(number)} bytes", "no such object"
        elif state == _RIGHT and (known := self._evidence.etags.at(number)) is not None:
            seen = f"ETag {self._etags.get(number)}, with the right bytes"
            yield _REPLACED, path, f"ETag {known}", seen
