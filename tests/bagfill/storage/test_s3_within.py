"""S3 copying between its own buckets, on two servers: parts under the source's ETag, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest

from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_lean import S3Lean
from bagfill.storage.s3_signed import S3SignedSource
from bagfill.storage.s3_within import S3Within
from bagfill.storage.server_copy import FetchedBlock, NotFetched, PinnedSource, Refusal
from bagfill.storage.store import AlreadyExists, Created, StagedBlock, StagedWrite

pytestmark = pytest.mark.servers

PART = 5 * 1024 * 1024
DATA = hashlib.sha256(b"within").digest() * (PART // 32) + b"the last part"
KEY = "v1/data/Ünïcode 50% + plus & #1?~.bin"
LIMITS = RequestLimits(attempts=1, read_seconds=20)


class Bench:
    """Two buckets at a provider, an object in the first, and a staged write in the second."""

    def __init__(self, server: SeaweedFS | MiniStack) -> None:
        name = f"within-{uuid4()}"
        self.bucket, self.to = name, f"to-{name}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=server.region,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        for bucket in (self.bucket, self.to):
            self.client.create_bucket(Bucket=bucket)
        access = S3Access(server.endpoint, server.region, server.access_key, server.secret_key)
        source, destination = (S3Lean(each, access, location=each, limits=LIMITS) for each in (self.bucket, self.to))
        self.way = S3Within(S3SignedSource(source), self.bucket, destination)
        self.store = S3Store(self.to, access, location=self.to, limits=LIMITS)
        self.write: StagedWrite = self.store.stage(KEY)

    def put(self, data: bytes = DATA, **given: str) -> PinnedSource:
        answer = self.client.put_object(Bucket=self.bucket, Key=KEY, Body=data, **given)
        pinned = self.way.pin(KEY, answer["ETag"].strip('"'))
        assert isinstance(pinned, PinnedSource), pinned
        return pinned

    def stage(self, pinned: PinnedSource, index: int) -> FetchedBlock | NotFetched:
        start = index * PART
        length = min(PART, pinned.size - start)
        return self.way.stage(pinned, KEY, self.write.token, index=index, start=start, length=length)

    def commit(self, *blocks: FetchedBlock | NotFetched) -> Created | AlreadyExists:
        staged = []
        for block in blocks:
            assert isinstance(block, FetchedBlock), block
            staged.append(StagedBlock(block.index, block.size, block.crc, block.label))
        return self.write.commit(staged)


@pytest.fixture(params=["ministack", "seaweedfs"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.getfixturevalue(request.param))
    yield made
    made.way.close()
    made.store.close()


def refusal(answer: object) -> Refusal:
    assert isinstance(answer, NotFetched), answer
    return answer.refusal


def test_an_object_is_copied_in_parts_whatever_its_name(bench: Bench) -> None:
    pinned = bench.put()
    assert bench.way.look_again(pinned) is None
    assert isinstance(bench.commit(bench.stage(pinned, 0), bench.stage(pinned, 1)), Created)
    assert b"".join(bench.store.read(KEY)) == DATA


def test_a_source_that_is_replaced_between_two_parts_is_refused(bench: Bench) -> None:
    pinned = bench.put()
    assert isinstance(bench.stage(pinned, 0), FetchedBlock)
    bench.client.put_object(Bucket=bench.bucket, Key=KEY, Body=bytes(len(DATA)))
    assert refusal(bench.stage(pinned, 1)) is Refusal.CHANGED
    # A server that ignored the condition would have copied it: the look before the commit finds it there too.
    assert refusal(bench.way.look_again(pinned)) is Refusal.CHANGED


def test_a_source_that_vanished_or_was_replaced_before_is_told_apart(bench: Bench) -> None:
    etag = bench.put(b"one").etag
    pinned = bench.put(b"another")
    assert refusal(bench.way.pin(KEY, etag)) is Refusal.CHANGED
    bench.client.delete_object(Bucket=bench.bucket, Key=KEY)
    assert refusal(bench.stage(pinned, 0)) is Refusal.MISSING
    assert refusal(bench.way.pin(KEY, pinned.etag)) is Refusal.MISSING


def test_a_copy_never_replaces_what_is_there(bench: Bench) -> None:
    block = bench.stage(bench.put(b"ours"), 0)
    bench.client.put_object(Bucket=bench.to, Key=KEY, Body=b"somebody's")
    assert isinstance(bench.commit(block), AlreadyExists)
    assert b"".join(bench.store.read(KEY)) == b"somebody's"


def test_an_archived_object_is_not_tried(ministack: MiniStack) -> None:
    bench = Bench(ministack)
    etag = bench.client.put_object(Bucket=bench.bucket, Key=KEY, Body=b"ice", StorageClass="GLACIER")["ETag"]
    assert refusal(bench.way.pin(KEY, etag.strip('"'))) is Refusal.ARCHIVED
