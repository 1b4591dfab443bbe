"""The stand-in service for what reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bagfill.demo.ministack import MiniStack
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting


@pytest.fixture(scope="module")
def service(ministack: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServiceServer]:
    setting = ServiceSetting(ministack.endpoint, "reading", large_response_bytes=20_000)
    with StorageServiceServer(tmp_path_factory.mktemp("service"), setting) as server:
        yield server
