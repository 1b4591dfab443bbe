from __future__ import annotations

import pytest

from bagfill.registry.memory_thaws import MemoryThawLedger
from bagfill.registry.pace import MemoryPace, SharedPace
from bagfill.registry.thaws import ThawLedger
from contracts.registry_contract import TurnableClock
from contracts.thaws_contract import SharedPaceContract, ThawLedgerContract


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


class TestMemoryThawLedger(ThawLedgerContract):
    @pytest.fixture
    def thaws(self, clock: TurnableClock) -> ThawLedger:
        return MemoryThawLedger(clock)


class TestMemoryPace(SharedPaceContract):
    @pytest.fixture
    def pace(self, clock: TurnableClock) -> SharedPace:
        return MemoryPace(clock)
