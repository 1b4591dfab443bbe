"""Where the stand-in's tables, buckets, topics and queues are; made on an empty server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceSetting:
    """One service on a server that speaks AWS's protocols.

    Args:
        endpoint: of that server.
        name: stands before the names of everything; several services can share a server.
        ingest_types: what its tracker knows.
        large_response_bytes: bodies above this are handed out by a signed address (the real one: about 9 MB).
        token_seconds: how long a bearer token lives.
    """

    endpoint: str
    name: str = "storage"
    region: str = "us-east-1"
    access_key: str = "test"
    secret_key: str = field(default="test", repr=False)
    client_id: str = "bagfill"
    client_secret: str = field(default="a secret of the stand-in", repr=False)
    ingest_types: tuple[str, ...] = ("create", "update")
    large_response_bytes: int = 9_000_000
    token_seconds: float = 3600.0

    @property
    def manifests_table(self) -> str:
        """Hash key ``id``, range key ``version``."""
        return f"vhs-{self.name}-manifests"

    @property
    def manifests_bucket(self) -> str:
        """JSON of manifests."""
        return f"{self.name}-vhs-manifests"

    @property
    def replicas_table(self) -> str:
        """The aggregator's."""
        return f"{self.name}_replicas_table"

    @property
    def responses_bucket(self) -> str:
        """Cached large responses."""
        return f"{self.name}-large-responses"

    @property
    def ingests_topic(self) -> str:
        """Updates of ingests."""
        return self._topic("ingests")

    @property
    def reindex_topic(self) -> str:
        """Tells the bag indexer to index a bag again."""
        return self._topic("bag_reindexer_output")

    @property
    def registered_topic(self) -> str:
        """Tells of newly registered bags."""
        return self._topic("registered_bag_notifications")

    @property
    def ingests_queue(self) -> str:
        """Read by the ingests worker."""
        return self._queue("ingests")

    @property
    def ingests_dead_queue(self) -> str:
        """Gets what the ingests worker gave up."""
        return self._queue("ingests_dlq")

    @property
    def reindex_queue(self) -> str:
        """Gets what is told to the bag indexer."""
        return self._queue("bag_reindexer")

    @property
    def registered_queue(self) -> str:
        """Bagfill's own: newly registered bags."""
        return self._queue("bagfill_registered")

    def client(self, kind: str) -> Any:
        """A client of one of the server's services, for any number of threads; made once."""
        return _client(kind, **self._access())

    def table(self, name: str) -> Any:
        """A table of DynamoDB."""
        return _dynamodb(**self._access()).Table(name)

    def make(self) -> None:
        """Make tables, buckets, topics, queues and subscriptions; what is there already is left as it is."""
        s3, sns, sqs, dynamo = (self.client(kind) for kind in ("s3", "sns", "sqs", "dynamodb"))
        for bucket in (self.manifests_bucket, self.responses_bucket):
            s3.create_bucket(Bucket=bucket)
        there = dynamo.list_tables()["TableNames"]
        keys: dict[str, tuple[tuple[str, str, str], ...]]
        keys = {self.manifests_table: (("id", "S", "HASH"), ("version", "N", "RANGE"))}
        keys[self.replicas_table] = (("id", "S", "HASH"),)
        for table, columns in keys.items():
            if table not in there:
                dynamo.create_table(
                    TableName=table,
                    AttributeDefinitions=[{"AttributeName": c, "AttributeType": kind} for c, kind, _ in columns],
                    KeySchema=[{"AttributeName": c, "KeyType": role} for c, _, role in columns],
                    BillingMode="PAY_PER_REQUEST",
                )
        pairs = {
            self.ingests_topic: self.ingests_queue,
            self.reindex_topic: self.reindex_queue,
            self.registered_topic: self.registered_queue,
        }
        sqs.create_queue(QueueName=_last(self.ingests_dead_queue, "/"))
        for topic, queue in pairs.items():
            sns.create_topic(Name=_last(topic, ":"))
            sqs.create_queue(QueueName=_last(queue, "/"))
            arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def to_json(self) -> str:
        """For the program's environment; holds secrets."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> ServiceSetting:
        """What :meth:`to_json` gave."""
        values = json.loads(text)
        return cls(**{**values, "ingest_types": tuple(values["ingest_types"])})

    def _access(self) -> dict[str, str]:
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }

    def _topic(self, name: str) -> str:
        return f"arn:aws:sns:{self.region}:000000000000:{self.name}_{name}"

    def _queue(self, name: str) -> str:
        return f"{self.endpoint}/000000000000/{self.name}_{name}"


def client_errors() -> tuple[type[Exception], ...]:
    """What clients raise when the server does not answer, or refuses."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


# To make one takes a tenth of a second of processor time.
@lru_cache(maxsize=64)
def _client(kind: str, **access: str) -> Any:
    import boto3

    server: Any = boto3
    return server.client(kind, **access)


@lru_cache(maxsize=16)
def _dynamodb(**access: str) -> Any:
    import boto3

    server: Any = boto3
    return server.resource("dynamodb", **access)


def _last(text: str, separator: str) -> str:
    return text.rpartition(separator)[2]
