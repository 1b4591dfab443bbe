"""Two servers that speak DynamoDB's API agree on what our conditional writes rely on."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.server import ThreadedMotoServer

from bagfill.demo.ministack import MiniStack
from bagfill.storage.credentials import S3Access
from bagfill.storage.dynamodb import DynamoTable
from contracts.service_table_contract import ServiceTableContract, Tables, key

__all__ = ["key"]

pytestmark = pytest.mark.servers


def new_tables(endpoint: str) -> Tables:
    make: Any = boto3
    access = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    name = f"manifests-{uuid4()}"
    client = make.client("dynamodb", **access)
    columns = (("id", "S", "HASH"), ("version", "N", "RANGE"))
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": column, "AttributeType": kind} for column, kind, _ in columns],
        KeySchema=[{"AttributeName": column, "KeyType": role} for column, _, role in columns],
        BillingMode="PAY_PER_REQUEST",
    )
    plain = make.resource("dynamodb", **access).Table(name)
    ours = S3Access(endpoint, "us-east-1", "test", "test")
    return Tables(
        DynamoTable(name, ours),
        lambda item: plain.put_item(Item=dict(item)),
        lambda named: plain.delete_item(Key=dict(named)),
        DynamoTable(f"no-{name}", ours),
    )


@pytest.fixture(scope="module")
def on_ministack(ministack: MiniStack) -> Tables:
    return new_tables(ministack.endpoint)


@pytest.fixture(scope="module")
def on_moto() -> Iterator[Tables]:
    """DynamoDB looks at a condition and writes as one; moto does so in two steps, between which a thread may come."""
    one_at_a_time, update = Lock(), DynamoDBBackend.update_item

    def update_item(*given: Any, **named: Any) -> Any:
        with one_at_a_time:
            return update(*given, **named)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "update_item", update_item)
        server.start()
        host, port = server.get_host_and_port()
        yield new_tables(f"http://{host}:{port}")
        server.stop()


class TestMiniStack(ServiceTableContract):
    @pytest.fixture
    def tables(self, on_ministack: Tables) -> Tables:
        return on_ministack


class TestMoto(ServiceTableContract):
    @pytest.fixture
    def tables(self, on_moto: Tables) -> Tables:
        return on_moto
