"""The service's notifications by SNS and SQS, in its envelope and raw, delivered twice; and what is not understood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.demo.ministack import MiniStack
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.steps.registered_bags import receive_registered_bags
from bagfill.steps.sweep_candidates import SweepStart
from bagfill.storage.credentials import S3Access
from bagfill.storage.sqs import SqsQueue
from world import World, bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("digitised/b1")
BODY = {"space": "digitised", "externalIdentifier": "b1", "version": "v1", "type": "RegisteredBagNotification"}


@pytest.fixture
def setting(ministack: MiniStack) -> ServiceSetting:
    setting = ServiceSetting(ministack.endpoint, f"listen-{uuid4().hex[:8]}")
    setting.make()
    return setting


@pytest.fixture
def queue(setting: ServiceSetting) -> Iterator[SqsQueue]:
    with closing(SqsQueue(setting.registered_queue, access(setting))) as opened:
        yield opened


def access(setting: ServiceSetting) -> S3Access:
    return S3Access(setting.endpoint, setting.region, setting.access_key, setting.secret_key)


class Runs:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def bag(self, start: SweepStart) -> bool:
        self.ids.append(start.run_id)
        return True


@pytest.mark.parametrize("raw", [False, True], ids=["in SNS's envelope", "raw"])
def test_a_notification_that_comes_twice_starts_one_run_and_leaves_the_queue_empty(
    setting: ServiceSetting, queue: SqsQueue, raw: bool
) -> None:
    sns = setting.client("sns")
    if raw:
        [subscription] = sns.list_subscriptions_by_topic(TopicArn=setting.registered_topic)["Subscriptions"]
        sns.set_subscription_attributes(
            SubscriptionArn=subscription["SubscriptionArn"],
            AttributeName="RawMessageDelivery",
            AttributeValue="true",
        )
    for _ in range(2):
        sns.publish(TopicArn=setting.registered_topic, Message=json.dumps(BODY))
    assert queue.waiting() == 2
    world, runs = World(), Runs()
    world.add("digitised/b1/v1", bag_files(BAG, {"a.txt": b"a"}))
    received = receive_registered_bags(world.services(), queue, runs, malformed=None, limit=100)
    assert (received.messages, received.started, len(runs.ids)) == (2, 1, 1)
    attributes = setting.client("sqs").get_queue_attributes(QueueUrl=setting.registered_queue, AttributeNames=["All"])
    left = attributes["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


def test_what_is_not_understood_is_moved_to_the_queue_that_is_named(setting: ServiceSetting, queue: SqsQueue) -> None:
    sqs = setting.client("sqs")
    url = sqs.create_queue(QueueName=f"{setting.name}_malformed")["QueueUrl"]
    sqs.send_message(QueueUrl=setting.registered_queue, MessageBody="not JSON")
    with closing(SqsQueue(url, access(setting))) as malformed:
        received = receive_registered_bags(World().services(), queue, Runs(), malformed=lambda: malformed, limit=100)
        assert received.malformed == 1
        assert [message.body for message in malformed.receive(0)] == ["not JSON"]
    assert queue.waiting() == 0
