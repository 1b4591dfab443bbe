from __future__ import annotations

import pytest

from bagfill.ingests.memory import MemoryIngestTracker
from bagfill.ingests.tracker import IngestTracker
from contracts.tracker_contract import TrackerContract


class TestMemoryIngestTracker(TrackerContract):
    @pytest.fixture
    def tracker(self) -> IngestTracker:
        return MemoryIngestTracker()
