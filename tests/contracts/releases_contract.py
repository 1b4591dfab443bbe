"""What every place that keeps releases does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bagfill.bag.identifiers import BagId
from bagfill.ingests.releases import Release, Releases

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BAG = BagId.parse("born-digital/SATSY/1821/4")
FIRST = Release(BAG, "azure", NOON, "Ada", "repaired: über")


class ReleasesContract:
    """Inherit, and give a fixture ``releases``."""

    def test_a_release_is_found_as_it_was_made(self, releases: Releases) -> None:
        releases.release(FIRST)
        assert list(releases.all()) == [FIRST]
        assert releases.last([BAG], "azure") == {BAG: NOON}

    def test_the_last_counts_and_none_is_forgotten(self, releases: Releases) -> None:
        later = replace(FIRST, at=NOON + timedelta(days=1), who="Bob")
        for each in (FIRST, later):
            releases.release(each)
        assert releases.last([BAG], "azure") == {BAG: later.at}
        assert list(releases.all()) == [FIRST, later]

    def test_several_are_recorded_at_once(self, releases: Releases) -> None:
        made = [replace(FIRST, bag=BagId.parse(f"digitised/b{number}")) for number in range(600)]
        releases.release(*made)
        releases.release()
        assert list(releases.all()) == made

    def test_other_bags_and_locations_are_told_apart(self, releases: Releases) -> None:
        releases.release(FIRST)
        other = BagId.parse("born-digital/SATSY/1821/4/x")
        assert releases.last([other], "azure") == {}
        assert releases.last([BAG], "shelf") == {}
        assert releases.last([], "azure") == {}
        many = [BagId.parse(f"digitised/b{number}") for number in range(700)]
        assert releases.last([*many, BAG], "azure") == {BAG: NOON}
