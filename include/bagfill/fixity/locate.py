"""Where a wrong byte came from, once a read-back found one: the source, the way, the destination, or the read itself.

Nothing is computed for this while all is well. When a digest differs, the destination is read again with its CRC-64,
and the source's own CRC-64 is asked for; only where the provider keeps none, the source is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.read_back import Identified, Observed, read_back
from bagfill.storage.errors import StoreError
from bagfill.storage.store import ObjectStore


class Whereabouts(StrEnum):
    """Where bytes became wrong; the text ends a message."""

    SOURCE = "the source holds the same wrong bytes"
    WAY = "the source is right, and the wrong bytes arrived as they were sent: damaged on the way to or in this process"
    DESTINATION = "the right bytes were sent: damaged at the destination, or on the way there"
    READING = "read once more they are right: damaged on the way back"
    UNKNOWN = "the source cannot be read to compare"


@dataclass(frozen=True, slots=True)
class Original:
    """What the copy was made of.

    Args:
        store: where, for the identity that reads.
        key: full key.
        etag: the object that was planned.
        sent: CRC-64 of the bytes that the copy read, if it is known.
    """

    store: ObjectStore
    key: str
    etag: str
    sent: Crc64 | None


def locate(destination: ObjectStore, found: Identified, expected: DigestSet, original: Original) -> Whereabouts:
    """Say where the bytes became wrong.

    Args:
        destination: where the wrong bytes were read.
        found: the object that was read.
        expected: what the manifests say of it.
        original: where the bytes came from.

    Raises:
        StoreError: the destination could not be read again.
    """
    again = read_back(destination, found, expected.algorithms, with_crc=True)
    if expected.matches(again.digests):
        return Whereabouts.READING
    try:
        return _compared(again, expected, original)
    except StoreError:
        is_known = original.sent is not None and original.sent != again.crc
        return Whereabouts.DESTINATION if is_known else Whereabouts.UNKNOWN


def _compared(again: Observed, expected: DigestSet, original: Original) -> Whereabouts:
    info = original.store.stat(original.key)
    if info is None or info.etag != original.etag:
        # Another object lies there now: nothing that it says is about what was copied.
        is_known = original.sent is not None and original.sent != again.crc
        return Whereabouts.DESTINATION if is_known else Whereabouts.UNKNOWN
    if info.crc is not None and info.crc == again.crc:
        return Whereabouts.SOURCE
    source = read_back(original.store, info, expected.algorithms)
    if not expected.matches(source.digests):
        return Whereabouts.SOURCE
    return Whereabouts.WAY if original.sent == again.crc else Whereabouts.DESTINATION
