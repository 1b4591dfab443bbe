"""One text for one value: JSON as RFC 8785 (JCS) writes it, for texts that are hashed.

The values here are objects with ASCII names, arrays, strings, booleans, nulls and integers up to 2^53 - 1. For these
RFC 8785 comes to: members sorted by name, no white space, no escape but the needed ones, UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

# Made once: a receipt has three texts for each file.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """The one text of a value. Raises ValueError for what JSON cannot hold."""
    return _ENCODER.encode(value).encode()


def canonical_moment(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC, always with six decimals of a second: ``2026-05-01T12:00:00.000000Z``."""
    if moment.tzinfo is None:
        raise ValueError(f"a moment needs its time zone: {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
