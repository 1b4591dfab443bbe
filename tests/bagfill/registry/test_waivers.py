from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bagfill.registry.waivers import MemoryWaivers, Waivers
from contracts.waivers_contract import DOT, NOON, WaiversContract


class TestMemoryWaivers(WaiversContract):
    @pytest.fixture
    def waivers(self) -> Waivers:
        return MemoryWaivers()


def test_a_waiver_ends_at_its_moment() -> None:
    ending = replace(DOT, until=NOON + timedelta(hours=1))
    assert ending.holds_at(NOON + timedelta(minutes=59))
    assert not ending.holds_at(NOON + timedelta(hours=1))
    assert DOT.holds_at(NOON + timedelta(days=40_000))


def test_a_waiver_is_about_one_rule_in_one_file() -> None:
    assert DOT.covers("NAME-ENDS-IN-DOT", "data/notes.")
    assert not DOT.covers("NAME-ENDS-IN-DOT", "data/other.")
    assert not DOT.covers("FILE-CHECKSUM", "data/notes.")
