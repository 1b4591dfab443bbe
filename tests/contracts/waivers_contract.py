"""What every place that keeps waivers does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bagfill.bag.identifiers import BagVersionId
from bagfill.registry.waivers import Waiver, Waivers

V1 = BagVersionId.parse("born-digital/SATSY/1821/4/v1")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DOT = Waiver(V1, "data/notes.", "NAME-ENDS-IN-DOT", "Ada", "registered in 2019, before the rule: über", NOON)


class WaiversContract:
    """Inherit, and give a fixture ``waivers``."""

    def test_what_was_granted_is_found_as_it_was(self, waivers: Waivers) -> None:
        with_end = replace(DOT, path="", code="TAG-MANIFESTS-WEAK", until=NOON + timedelta(days=30))
        waivers.grant(DOT)
        waivers.grant(with_end)
        assert list(waivers.of(V1)) == [DOT, with_end]
        assert list(waivers.all()) == [DOT, with_end]

    def test_one_bag_version_s_is_no_other_s(self, waivers: Waivers) -> None:
        waivers.grant(DOT)
        for other in ("born-digital/SATSY/1821/4/v10", "born-digital/SATSY/1821/v1", "digitised/SATSY/1821/4/v1"):
            assert list(waivers.of(BagVersionId.parse(other))) == []

    def test_the_last_decision_counts_and_none_is_forgotten(self, waivers: Waivers) -> None:
        other = replace(DOT, path="data/b.")
        ended = replace(
            DOT, who="Bob", why="repaired", granted=NOON + timedelta(days=1), until=NOON + timedelta(days=1)
        )
        for waiver in (DOT, other, ended):
            waivers.grant(waiver)
        assert list(waivers.of(V1)) == [other, ended]
        assert list(waivers.all()) == [DOT, other, ended]

    def test_files_that_differ_in_case_or_normalisation_are_told_apart(self, waivers: Waivers) -> None:
        paths = ["data/A.", "data/a.", "data/é.", "data/e\u0301."]
        for path in paths:
            waivers.grant(replace(DOT, path=path))
        assert [waiver.path for waiver in waivers.of(V1)] == paths

    def test_one_space_s_can_be_listed(self, waivers: Waivers) -> None:
        theirs = replace(DOT, bag_version=BagVersionId.parse("digitised/b1/v2"))
        waivers.grant(DOT)
        waivers.grant(theirs)
        assert list(waivers.all(space="digitised")) == [theirs]
        assert list(waivers.all(space="digi")) == []
