"""Checks on keys and prefixes that every store makes before it sends anything."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import NameRules
from bagfill.storage.store import StagedBlock


def require_name(rules: NameRules, key: str, *, location: str, operation: str) -> None:
    """Raise StoreError (BAD_NAME) unless the provider holds ``key`` exactly as it is."""
    if problem := rules.check(key):
        raise StoreError(StoreFailure.BAD_NAME, location=location, key=key, operation=operation, detail=problem.message)


def require_folder(rules: NameRules, prefix: str, *, location: str, operation: str) -> None:
    """Raise unless ``prefix`` is empty or a legal folder ending in ``/``.

    Raises:
        ValueError: the prefix does not end in ``/``: ``v1`` would list ``v10`` too.
        StoreError: BAD_NAME, the folder's name breaks the provider's rules.
    """
    if not prefix:
        return
    if not prefix.endswith("/"):
        message = f"a prefix must end in '/', or 'v1' would list 'v10' too: {prefix!r}"
        raise ValueError(message)
    if prefix != "/":
        require_name(rules, prefix[:-1], location=location, operation=operation)


def require_range(start: int, length: int | None) -> None:
    """Raise ValueError for a range that no object can have."""
    if start < 0 or (length is not None and length < 0):
        message = f"no such range: start {start}, length {length}"
        raise ValueError(message)


def require_sequence(blocks: Sequence[StagedBlock]) -> None:
    """Raise ValueError unless the blocks are 0…n-1 in order."""
    if [block.index for block in blocks] != list(range(len(blocks))):
        message = "blocks to commit must be numbered 0…n-1, in order and without gaps"
        raise ValueError(message)


def in_key_order(keys: Sequence[str]) -> list[str]:
    """Keys in ascending order of their UTF-8 bytes, the order of S3 listings."""
    return sorted(keys, key=lambda key: key.encode("utf-8", "surrogatepass"))


def next_segment(key: str, prefix: str) -> str | None:
    """The folder of ``key`` directly below ``prefix``, or ``None`` if the key is an object there."""
    segment, slash, _rest = key[len(prefix) :].partition("/")
    return segment if slash else None
