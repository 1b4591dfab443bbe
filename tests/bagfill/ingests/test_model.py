from __future__ import annotations

import pytest

from bagfill.ingests.reasons import Reason
from contracts.tracker_contract import START, an_event, an_ingest


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("copied", "Copied"),
        ("", ""),
        ("éa", "Éa"),
        ("x" * 250, "X" + "x" * 249),
        ("x" * 251, "X" + "x" * 246 + "..."),
        ("a\0b", "A\\x00b"),
        ("a\udcffb", "A\\udcffb"),
    ],
)
def test_events_are_what_the_storage_service_can_keep(text: str, kept: str) -> None:
    assert an_event(text).description == kept


def test_last_modified_is_the_newest_event() -> None:
    assert an_ingest().last_modified is None
    assert an_ingest(events=(an_event(after=2), an_event(after=1))).last_modified == an_event(after=2).created
    assert an_ingest(events=(an_event(),)).last_modified == START


def test_reasons_are_found_by_their_codes() -> None:
    assert [Reason.of_code(reason.code) for reason in Reason] == list(Reason)
    assert len({reason.code for reason in Reason}) == len(list(Reason))
    with pytest.raises(ValueError, match="unknown reason code 'nonsense'; known: bad-request, "):
        Reason.of_code("nonsense")
