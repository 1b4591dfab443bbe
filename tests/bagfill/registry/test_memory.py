from __future__ import annotations

import pytest

from bagfill.registry.memory import MemoryRegistry
from bagfill.registry.registry import Registry
from contracts.registry_contract import RegistryContract, TurnableClock


class TestMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock: TurnableClock) -> Registry:
        return MemoryRegistry(clock=clock)
