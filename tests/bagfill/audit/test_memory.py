from __future__ import annotations

import pytest

from bagfill.audit.log import AuditLog
from bagfill.audit.memory import MemoryAuditLog
from bagfill.registry.memory import MemoryRegistry
from contracts.audit_log_contract import AuditLogContract
from contracts.registry_contract import TurnableClock


class TestMemoryAuditLog(AuditLogContract):
    @pytest.fixture
    def registry(self, clock: TurnableClock) -> MemoryRegistry:
        return MemoryRegistry(clock=clock)

    @pytest.fixture
    def log(self, registry: MemoryRegistry) -> AuditLog:
        return MemoryAuditLog(registry)
