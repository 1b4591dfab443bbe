"""A topic of Amazon SNS, or of a server that speaks its API."""

from __future__ import annotations

from typing import Any

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import translated


class SnsTopic:
    """Publishes messages.

    Args:
        arn: of the topic.
        access: identity, and the endpoint of a server beside AWS.
        limits: bounds of single requests.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, arn: str, access: S3Access, *, limits: RequestLimits | None = None) -> None:
        self._arn = arn
        self._name = arn.rpartition(":")[2]
        with usable(self._name):
            self._client: Any = aws_client("sns", boto3_session(access), access, limits or RequestLimits())

    def publish(self, message: str) -> None:
        """Publish one message. Raises StoreError."""
        with translated(location=self._name, key="", operation="publish"):
            self._client.publish(TopicArn=self._arn, Message=message)

    def check(self) -> None:
        """Ask for the topic. Raises StoreError: MISSING or MISCONFIGURED if there is none, DENIED if it is not ours."""
        with translated(location=self._name, key="", operation="look for the topic"):
            self._client.get_topic_attributes(TopicArn=self._arn)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
