"""Restores announced through a real queue: from the bucket's notification to the trigger that waits."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import boto3
import pytest

from bagfill.demo.ministack import MiniStack
from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError
from bagfill.storage.queue import MessageQueue
from bagfill.storage.sqs import SqsQueue
from bagfill_airflow.restore_events import RestoreEvents

pytestmark = pytest.mark.servers

PATHS = ("data/a b+ü.txt", "data/c")


@pytest.fixture
def access(ministack: MiniStack) -> S3Access:
    return S3Access(
        endpoint_url=ministack.endpoint,
        region=ministack.region,
        access_key_id=ministack.access_key,
        secret_access_key=ministack.secret_key,
    )


def client(access: S3Access, service: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
    )


async def test_a_bucket_s_events_wake_the_one_that_waits_for_its_objects(access: S3Access) -> None:
    bucket, s3, sqs = f"cold-{uuid4().hex[:8]}", client(access, "s3"), client(access, "sqs")
    url = sqs.create_queue(QueueName=f"restores-{bucket}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=bucket)
    wanted = {"QueueArn": arn, "Events": ["s3:ObjectRestore:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]})
    for path in PATHS:
        s3.put_object(Bucket=bucket, Key=f"s/b/v1/{path}", Body=b"x", StorageClass="GLACIER")

    async def open_queue() -> MessageQueue:
        return SqsQueue(url, access)

    with RestoreEvents(open_queue, wait_seconds=1).mailbox([(bucket, "s/b/v1/")]) as mailbox:
        for path in PATHS:
            s3.restore_object(Bucket=bucket, Key=f"s/b/v1/{path}", RestoreRequest={"Days": 1})
        assert await mailbox.wait_for(len(PATHS), 120)

    counted = {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}
    for _ in range(1000):
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=sorted(counted))["Attributes"]
        if all(int(left[name]) == 0 for name in counted):
            break
        await asyncio.sleep(0.1)
    assert all(int(left[name]) == 0 for name in counted), left


def test_messages_are_received_given_back_and_deleted(access: S3Access) -> None:
    sqs = client(access, "sqs")
    url = sqs.create_queue(QueueName=f"q-{uuid4().hex[:8]}")["QueueUrl"]
    queue = SqsQueue(url, access)
    assert list(queue.receive(0)) == []
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    seen = [*queue.receive(1), *queue.receive(1)]
    assert sorted(int(message.body) for message in seen) == list(range(12))
    assert {message.received for message in seen} == {1}
    queue.give_back(seen)
    queue.delete(seen)
    assert list(queue.receive(0)) == []
    queue.close()


def test_a_queue_that_is_not_there_is_an_error_and_not_silence(access: S3Access) -> None:
    with pytest.raises(StoreError):
        SqsQueue(f"{access.endpoint_url}/000000000000/none", access).receive(0)
