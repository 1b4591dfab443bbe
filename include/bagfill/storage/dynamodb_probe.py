"""DynamoDB's answers for ``bagfill doctor``: calls on an item that is not there, under a condition that it is.

A permitted identity is told that the condition does not hold, so nothing is written or deleted whoever asks.
Source: Amazon DynamoDB API reference, condition expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.probe import Outcome, Seen
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import code_and_status

_LIMITS = RequestLimits(attempts=2, connect_seconds=5, read_seconds=20, connections=2)
_OUTCOMES = {
    "ConditionalCheckFailedException": Outcome.PRECONDITION,
    "ResourceNotFoundException": Outcome.NO_BUCKET,
    "AccessDeniedException": Outcome.REFUSED,
    "UnrecognizedClientException": Outcome.UNAUTHENTICATED,
    "InvalidSignatureException": Outcome.UNAUTHENTICATED,
    "ExpiredTokenException": Outcome.UNAUTHENTICATED,
    "MissingAuthenticationTokenException": Outcome.UNAUTHENTICATED,
}


class DynamoProbe:
    """A table, for one identity. No call raises for what the provider answers.

    Args:
        table: its name.
        access: endpoint and identity.
        key: of an item that is not there.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, table: str, access: S3Access, key: Mapping[str, str | int]) -> None:
        typed = {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in key.items()}
        self._hash = next(iter(typed.items()))
        self._table = {"TableName": table}
        self._item: dict[str, Any] = {"TableName": table, "Key": typed}
        self._only_if_there: dict[str, Any] = {"ConditionExpression": f"attribute_exists({next(iter(key))})"}
        with usable(table):
            self._client: Any = aws_client("dynamodb", boto3_session(access), access, _LIMITS)

    def get(self) -> Seen:
        """Read the item."""
        return self._call("get_item", "dynamodb:GetItem", **self._item)

    def query(self) -> Seen:
        """Look for the items of its hash key."""
        name, value = self._hash
        asked = {"KeyConditionExpression": "#name = :value", "ExpressionAttributeNames": {"#name": name}}
        return self._call(
            "query", "dynamodb:Query", **self._table, **asked, ExpressionAttributeValues={":value": value}
        )

    def scan(self) -> Seen:
        """Read one item of the table; what it holds is not kept."""
        return self._call("scan", "dynamodb:Scan", **self._table, Limit=1)

    def update(self) -> Seen:
        """Change the item, if it is there."""
        change = {
            "UpdateExpression": "SET #probe = :probe",
            "ExpressionAttributeNames": {"#probe": "bagfill_probe"},
            "ExpressionAttributeValues": {":probe": {"BOOL": True}},
        }
        return self._call("update_item", "dynamodb:UpdateItem", **self._item, **self._only_if_there, **change)

    def delete(self) -> Seen:
        """Delete the item, if it is there."""
        return self._call("delete_item", "dynamodb:DeleteItem", **self._item, **self._only_if_there)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, method: str, call: str, **arguments: Any) -> Seen:
        try:
            answer = getattr(self._client, method)(**arguments)
        except ClientError as error:
            code, status = code_and_status(error)
            return Seen(call, _OUTCOMES.get(code, Outcome.OTHER), status, code)
        except BotoCoreError as error:
            return Seen(call, Outcome.NO_ANSWER, code=type(error).__name__)
        return Seen(call, Outcome.DONE, answer["ResponseMetadata"].get("HTTPStatusCode", 200))
