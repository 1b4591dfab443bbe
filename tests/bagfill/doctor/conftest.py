"""Buckets and containers at real servers."""

from __future__ import annotations

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from doctor_place import Place, aws, azure_place, s3_place


@pytest.fixture
def at_ministack(ministack: MiniStack) -> Place:
    """With one identity for everything: MiniStack checks none."""
    return s3_place(ministack)


@pytest.fixture
def at_seaweedfs(seaweedfs: SeaweedFS) -> Place:
    """With a reader that may only read, and a writer that may do everything."""
    place = s3_place(seaweedfs)
    place.connect("reader", aws(seaweedfs.endpoint, seaweedfs.reader_access_key, seaweedfs.reader_secret_key))
    return place


@pytest.fixture
def at_azurite(azurite: Azurite) -> Place:
    """With shared access signatures for one container: a reader's and a writer's."""
    return azure_place(azurite)
