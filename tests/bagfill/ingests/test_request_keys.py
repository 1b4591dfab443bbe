from __future__ import annotations

import pytest

from bagfill.ingests.request_keys import MemoryRequestKeys, RequestKeys
from bagfill.steps.services import utc_now
from contracts.request_keys_contract import RequestKeysContract


class TestMemoryRequestKeys(RequestKeysContract):
    @pytest.fixture
    def keys(self) -> RequestKeys:
        return MemoryRequestKeys(utc_now)
