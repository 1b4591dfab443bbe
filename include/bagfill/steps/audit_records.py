"""The document that an audit leaves about one replica: read and written in pieces, for it may name a million ETags.

It is one JSON object. Its ETags come last, one on a line, so that they can be read one after the other; documents of
earlier releases have all in one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import uuid4

from bagfill.audit.model import FixityEvent
from bagfill.steps.services import Services

RECORD_FORMAT = "bagfill-audit/1"

_OPENS = b'"objects": {'
_CLOSES = b"}}"
_TOGETHER = 1000

Pairs = Callable[[], Iterable[tuple[str, str]]]
"""Gives path and ETag of each object; called again where the document has to be written again."""


def read_record(
    services: Services, name: str, *, known: Callable[[str, str], object] = lambda _path, _etag: None
) -> dict[str, Any] | None:
    """The document of an event without its ETags, or ``None`` if there is none that can be understood.

    Args:
        known: is told path and ETag of each object, perhaps of some before the rest is found not to be understood.

    Raises:
        StoreError: the receipt store did not answer.
    """
    chunks = services.receipts.read_chunks(name)
    if chunks is None:
        return None
    try:
        document = _read(chunks, known)
    except ValueError:
        return None
    is_ours = isinstance(document, dict) and document.get("format") == RECORD_FORMAT
    return document if is_ours else None


def write_record(
    services: Services, event: FixityEvent, *, objects: Pairs = lambda: (), **contents: Any
) -> FixityEvent:
    """Write the document of an event, then the event; both once.

    Args:
        objects: ETags that the next audit is to know.
        contents: what else the document has, as JSON values.

    Returns:
        The event that counts: an earlier attempt may have written it.

    Raises:
        StoreError: the receipt store did not answer.
    """
    if not services.receipts.write_chunks(event.record, _text(event, contents, objects)):
        earlier = read_record(services, event.record)
        if earlier is not None:
            event = FixityEvent.from_json(earlier["event"])
        else:
            # What lies there is damaged, and stays: the findings go beside it.
            event = replace(event, record=f"{event.record.removesuffix('.json')}-{uuid4()}.json")
            services.receipts.write_chunks(event.record, _text(event, contents, objects))
    services.audits.record(event)
    return event


def recorded_event(services: Services, name: str) -> FixityEvent | None:
    """The event of a document that was written before the event was; ``None`` if there is none. Raises StoreError."""
    document = read_record(services, name)
    if document is None:
        return None
    event = FixityEvent.from_json(document["event"])
    services.audits.record(event)
    return event


def _text(event: FixityEvent, contents: dict[str, Any], objects: Pairs) -> Iterator[bytes]:
    head = json.dumps({"format": RECORD_FORMAT, "event": event.to_json(), **contents})
    yield head.removesuffix("}").encode() + b", " + _OPENS
    separator = "\n"
    pairs = iter(objects())
    while some := list(islice(pairs, _TOGETHER)):
        lines = ",\n".join(f"{json.dumps(path)}: {json.dumps(etag)}" for path, etag in some)
        yield f"{separator}{lines}".encode()
        separator = ",\n"
    yield b"\n" + _CLOSES


def _read(chunks: Iterable[bytes | memoryview], known: Callable[[str, str], object]) -> Any:
    """Raises ValueError: it is damaged."""
    lines = _lines(chunks)
    head = next(lines, b"")
    if not head.endswith(_OPENS):
        document = json.loads(b"\n".join((head, *lines)))
        _tell(document.pop("objects", {}) if isinstance(document, dict) else {}, known)
        return document
    while some := list(islice(lines, _TOGETHER)):
        if some[-1] == _CLOSES:
            _tell(json.loads(b"{" + b"\n".join(some[:-1]) + b"}"), known)
            break
        _tell(json.loads(b"{" + b"\n".join(some).removesuffix(b",") + b"}"), known)
    else:
        raise ValueError("its end is missing")
    if next(lines, None) is not None:
        raise ValueError("something follows its end")
    return json.loads(head + _CLOSES)


def _tell(objects: Any, known: Callable[[str, str], object]) -> None:
    if not isinstance(objects, dict) or not all(isinstance(etag, str) for etag in objects.values()):
        raise ValueError("its ETags are none")
    for path, etag in objects.items():
        known(path, etag)


def _lines(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    begun: list[bytes] = []
    for chunk in chunks:
        first, *others = bytes(chunk).split(b"\n")
        begun.append(first)
        for line in others:
            yield b"".join(begun)
            begun = [line]
    if last := b"".join(begun):
        yield last
