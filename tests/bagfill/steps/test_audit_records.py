"""The document of an audit: written and read in pieces, that of earlier releases too, and never half believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.audit.model import AuditMode, AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit_records import read_record, write_record
from world import World

PATHS = st.text(st.characters() | st.sampled_from('"\\\n\r\u2028\x7f{},:'), max_size=8)
EVENT = FixityEvent(
    id=UUID(int=1),
    audit_id=UUID(int=2),
    bag_version=BagVersionId.parse("digitised/b1/v1"),
    location="azure",
    mode=AuditMode.READ,
    outcome=AuditOutcome.GOOD,
    occurred=datetime(2026, 1, 1, tzinfo=UTC),
    files=1,
    bytes=1,
    files_read=1,
    bytes_read=1,
    files_archived=0,
    findings=0,
    record="_audits/azure/record.json",
)
KEY = f"receipts/{EVENT.record}"


def known(world: World) -> tuple[dict[str, Any] | None, dict[str, str]]:
    objects: dict[str, str] = {}
    return read_record(world.services(), EVENT.record, known=objects.__setitem__), objects


@given(st.dictionaries(PATHS, PATHS, max_size=20), st.dictionaries(st.sampled_from("abc"), PATHS), st.integers(1, 4))
def test_what_was_written_is_read_and_is_one_json_document(
    objects: dict[str, str], contents: dict[str, str], together: int
) -> None:
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bagfill.steps.audit_records._TOGETHER", together)
        write_record(world.services(), EVENT, objects=objects.items, **contents)
        document, read = known(world)
    assert document == {"format": "bagfill-audit/1", "event": EVENT.to_json(), **contents, "objects": {}}
    assert read == objects
    assert json.loads(world.records.contents()[KEY]) == {**document, "objects": objects}


def test_a_document_of_an_earlier_release_is_read() -> None:
    world = World()
    text = json.dumps({"format": "bagfill-audit/1", "objects": {"data/a": "1"}, "event": EVENT.to_json()})
    world.records.put_unconditionally(KEY, text.encode())
    document, objects = known(world)
    assert document is not None
    assert FixityEvent.from_json(document["event"]) == EVENT
    assert objects == {"data/a": "1"}


def test_no_part_of_a_damaged_document_is_believed_and_another_is_written_beside_it() -> None:
    whole = World()
    write_record(whole.services(), EVENT, objects=lambda: ((f"data/{n}", str(n)) for n in range(3)))
    text = whole.records.contents()[KEY]
    damaged = [text[:cut] for cut in range(len(text))]
    damaged += [text + b"\n{}", text.replace(b'"1"', b"1"), text.replace(b'"1"', b'"\xff"'), b"[]", b"1", b'{"a": {}}']
    for data in damaged:
        world = World()
        world.records.put_unconditionally(KEY, data)
        assert known(world)[0] is None, data
    event = write_record(world.services(), EVENT, objects=lambda: (("data/a", "1"),))
    assert event.record != EVENT.record
    assert world.records.contents()[KEY] == data
    assert read_record(world.services(), event.record) is not None
