from __future__ import annotations

import pytest

from bagfill.thaw.ledger import ThawLedger
from bagfill.thaw.memory_ledger import MemoryThawLedger
from bagfill.thaw.pace import MemoryPace, SharedPace
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
