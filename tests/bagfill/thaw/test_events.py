"""Restore events: read from every wrapping, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

from bagfill.thaw.events import Restored, restored_objects

RECORD = {
    "eventName": "ObjectRestore:Completed",
    "s3": {"bucket": {"name": "cold"}, "object": {"key": "digitised/b1/v1/data/a+b%2B%C3%BC.txt"}},
}
HERE = Restored("cold", "digitised/b1/v1/data/a b+ü.txt")


def test_a_completed_restore_names_bucket_and_decoded_key() -> None:
    assert list(restored_objects(json.dumps({"Records": [RECORD]}))) == [HERE]
    prefixed = {**RECORD, "eventName": "s3:ObjectRestore:Completed"}
    assert list(restored_objects(json.dumps({"Records": [prefixed, prefixed]}))) == [HERE, HERE]


def test_it_is_found_in_what_sns_and_eventbridge_make_of_it() -> None:
    from_sns = {"Type": "Notification", "Message": json.dumps({"Records": [RECORD]})}
    assert list(restored_objects(json.dumps(from_sns))) == [HERE]
    detail = {"bucket": {"name": "cold"}, "object": {"key": "a b+ü"}}
    from_bridge = {"detail-type": "Object Restore Completed", "detail": detail}
    assert list(restored_objects(json.dumps(from_bridge))) == [Restored("cold", "a b+ü")]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "7",
        '{"Event": "s3:TestEvent"}',
        '{"Records": 3}',
        '{"Records": [3, {"eventName": "ObjectRestore:Completed"}]}',
        '{"Records": [{"eventName": "ObjectRestore:Completed", "s3": {"bucket": {"name": 1}, "object": {"key": 2}}}]}',
        json.dumps({"Records": [{**RECORD, "eventName": "ObjectRestore:Post"}]}),
        json.dumps({"Records": [{**RECORD, "eventName": "ObjectRestore:Delete"}]}),
        json.dumps({"Message": "not json"}),
    ],
)
def test_nothing_else_is_taken_for_one(body: str) -> None:
    assert list(restored_objects(body)) == []
