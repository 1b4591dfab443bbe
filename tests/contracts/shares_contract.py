"""Who works at a location: subclass, and give the fixture ``shares`` on the fixture ``clock``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bagfill.storage.shares import LocationShares
from contracts.registry_contract import TurnableClock

LEASE = timedelta(minutes=2)


class LocationSharesContract:
    @pytest.fixture
    def clock(self) -> TurnableClock:
        return TurnableClock()

    @pytest.fixture
    def shares(self, clock: TurnableClock) -> LocationShares:
        raise NotImplementedError

    def test_holders_of_one_location_count_each_other(self, shares: LocationShares) -> None:
        assert shares.hold("azure", "a", LEASE) == 1
        assert shares.hold("azure", "b", LEASE) == 2
        assert shares.hold("primary", "c", LEASE) == 1
        assert shares.hold("azure", "a", LEASE) == 2

    def test_a_lease_that_is_given_back_counts_no_more(self, shares: LocationShares) -> None:
        shares.hold("azure", "a", LEASE)
        shares.hold("azure", "b", LEASE)
        shares.release("azure", "a")
        shares.release("azure", "nobody")
        assert shares.hold("azure", "b", LEASE) == 1

    def test_whoever_died_loses_its_lease_and_whoever_renews_keeps_it(
        self, shares: LocationShares, clock: TurnableClock
    ) -> None:
        shares.hold("azure", "dead", LEASE)
        shares.hold("azure", "alive", LEASE)
        clock.now += LEASE / 2
        assert shares.hold("azure", "alive", LEASE) == 2
        clock.now += LEASE / 2 + timedelta(seconds=1)
        assert shares.hold("azure", "alive", LEASE) == 1

    def test_many_at_once_are_all_counted(self, shares: LocationShares) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: shares.hold("azure", f"{number}", LEASE), range(16)))
        assert shares.hold("azure", "0", LEASE) == 16
