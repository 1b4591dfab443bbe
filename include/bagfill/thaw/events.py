"""What a queue says of restores: hints that an object may be readable now. The listing is the truth.

Source: Amazon S3 User Guide, "Event message structure" (``s3:ObjectRestore:Completed``), also wrapped by SNS or
EventBridge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

_COMPLETED = "ObjectRestore:Completed"
_BRIDGE_COMPLETED = "Object Restore Completed"


@dataclass(frozen=True, slots=True)
class Restored:
    """An object whose restore is said to be complete."""

    bucket: str
    key: str


def restored_objects(body: str) -> Iterator[Restored]:
    """The completed restores that a message tells of; none for anything else, whatever it is."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return
    yield from _restored(values)


def _restored(values: Any) -> Iterator[Restored]:
    if not isinstance(values, Mapping):
        return
    wrapped = values.get("Message")
    if isinstance(wrapped, str):
        # From SNS.
        yield from restored_objects(wrapped)
    if values.get("detail-type") == _BRIDGE_COMPLETED:
        # From EventBridge, which does not encode keys.
        yield from _named(values.get("detail"), encoded=False)
    records = values.get("Records")
    for record in records if isinstance(records, list) else ():
        if isinstance(record, Mapping) and str(record.get("eventName", "")).removeprefix("s3:") == _COMPLETED:
            yield from _named(record.get("s3"), encoded=True)


def _named(values: Any, *, encoded: bool) -> Iterator[Restored]:
    try:
        bucket, key = values["bucket"]["name"], values["object"]["key"]
    except (KeyError, TypeError):
        return
    if isinstance(bucket, str) and isinstance(key, str):
        yield Restored(bucket, unquote_plus(key) if encoded else key)
