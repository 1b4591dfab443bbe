"""A table of Amazon DynamoDB, or of a server that speaks its API, in plain values."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreFailure
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.retries import Retries, RetryPolicy
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import code_and_status, translated

Result = TypeVar("Result")

_POLICY = RetryPolicy(attempts=10, first_pause=0.1, longest_pause=10.0)
_PASSING = frozenset(failure for failure in StoreFailure if failure.retryable)
"""A conflict too: of a transaction of somebody else, which is over in a moment."""
_LOST = "ConditionalCheckFailedException"


class DynamoTable:
    """See :class:`bagfill.registry.storage_service.rows.Table`. Whoever is throttled waits, longer each time.

    Args:
        name: of the table.
        access: identity, and the endpoint of a server beside AWS.
        limits: bounds of single requests.
        sleep: waits some seconds.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(
        self,
        name: str,
        access: S3Access,
        *,
        limits: RequestLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

        self._name = name
        self._again = Retries(_POLICY, sleep, _PASSING)
        self._write, self._read = TypeSerializer().serialize, TypeDeserializer().deserialize
        with usable(name):
            self._client: Any = aws_client("dynamodb", boto3_session(access), access, limits or RequestLimits())

    def get(self, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See :meth:`Table.get`."""
        asked = {"TableName": self._name, "Key": self._item(key), "ConsistentRead": True}
        answer = self._asked("get item", lambda: self._client.get_item(**asked))
        return self._values(answer["Item"]) if "Item" in answer else None

    def of_hash(self, name: str, value: str) -> Sequence[Mapping[str, Any]]:
        """See :meth:`Table.of_hash`."""
        found: list[Mapping[str, Any]] = []
        asked = {
            "TableName": self._name,
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":value": self._write(value)},
            "ConsistentRead": True,
        }
        while True:
            answer = self._asked("query", lambda: self._client.query(**asked))
            found += map(self._values, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def change(self, key: Mapping[str, Any], values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        """See :meth:`Table.change`. An answer that was lost is asked for again by reading the item."""
        names = {f"#{name}": name for name in (*values, *expected)}
        given = {f":{name}": self._write(value) for name, value in values.items()}
        given |= {f":old_{name}": self._write(value) for name, value in expected.items()}
        asked = {
            "TableName": self._name,
            "Key": self._item(key),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            "ConditionExpression": " AND ".join(f"#{name} = :old_{name}" for name in expected),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": given,
        }
        try:
            self._asked("update item", lambda: self._client.update_item(**asked))
        except _Lost:
            now = self.get(key)
            return now is not None and all(now.get(name) == value for name, value in values.items())
        return True

    def page(self, segment: int, segments: int, after: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """See :meth:`Table.page`."""
        asked: dict[str, Any] = {"TableName": self._name, "Segment": segment, "TotalSegments": segments}
        if after is not None:
            asked["ExclusiveStartKey"] = json.loads(after)
        answer = self._asked("scan", lambda: self._client.scan(**asked))
        last = answer.get("LastEvaluatedKey")
        return list(map(self._values, answer["Items"])), None if last is None else json.dumps(last)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _asked(self, operation: str, act: Callable[[], Result]) -> Result:
        def asked() -> Result:
            with translated(location=self._name, key="", operation=operation):
                try:
                    return act()
                except ClientError as error:
                    if code_and_status(error)[0] == _LOST:
                        raise _Lost from None
                    raise

        return self._again(asked)

    def _item(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._write(value) for name, value in values.items()}

    def _values(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: self._read(value) for name, value in item.items()}


class _Lost(Exception):
    """The condition does not hold."""
