"""The service's storage manifests: rows in DynamoDB, JSON in S3, and the bags API's answers made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.demo.storage_service.shown import shown_bag, shown_version

_VERSION = re.compile(r"v(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answers.

    Args:
        status: of HTTP.
        body: JSON values, or bytes that are JSON already.
        headers: beside the content's type.
    """

    status: HTTPStatus
    body: Any = None
    headers: Mapping[str, str] | None = None


def error(status: HTTPStatus, description: str | None = None) -> Answer:
    """The service's error body; those of 5xx have no description."""
    body = {"errorType": "http", "httpStatus": int(status), "label": status.phrase, "type": "Error"}
    if description is not None:
        body["description"] = description
    return Answer(status, body)


class Manifests:
    """Answers questions about bags.

    Args:
        setting: where table and buckets are.
        signed: makes the address under which a cached body is to be had.
    """

    def __init__(self, setting: ServiceSetting) -> None:
        self._setting = setting
        self._table = setting.table(setting.manifests_table)
        self._s3 = setting.client("s3")

    def bag(self, bag_id: str, version: str | None) -> Answer:
        """``GET /bags/{space}/{external identifier}``. A body too large for the gateway is not in the answer."""
        match = None if version is None else _VERSION.fullmatch(version)
        rows = [] if version is not None and match is None else self._rows(bag_id, match and int(match[1]))
        row = next(iter(rows), None)
        if row is None:
            named = bag_id if version is None else f"{bag_id} {version}"
            return error(HTTPStatus.NOT_FOUND, f"Storage manifest {named} not found")
        name = f"{bag_id}/v{int(row['version'])}"
        body = json.dumps(shown_bag(self._read(row)), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"ETag": f'"{name}"'}
        if len(body) <= self._setting.large_response_bytes:
            return Answer(HTTPStatus.OK, body, headers)
        self._keep(f"responses/{name}", body)
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, None, {**headers, "Location": f"responses/{name}"})

    def versions(self, bag_id: str, before: str | None) -> Answer:
        """``GET /bags/{space}/{external identifier}/versions``, newest first. Reads every manifest, as the real one."""
        match = None if before is None else _VERSION.fullmatch(before)
        if before is not None and match is None:
            return error(HTTPStatus.BAD_REQUEST, f"Cannot parse version string: {before}")
        found = [row for row in self._rows(bag_id, None) if match is None or row["version"] < int(match[1])]
        if not found:
            tail = "" if before is None else f" before {before}"
            return error(HTTPStatus.NOT_FOUND, f"No storage manifest versions found for {bag_id}{tail}")
        results = [shown_version(self._read(row)) for row in found]
        return Answer(HTTPStatus.OK, {"results": results, "type": "ResultList"})

    def cached(self, key: str) -> bytes | None:
        """A body that was too large, as it was when it was first asked for."""
        try:
            body: bytes = self._s3.get_object(Bucket=self._setting.responses_bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        return body

    def _keep(self, key: str, body: bytes) -> None:
        # Never rewritten: a manifest that changed after it was cached goes on with the old body.
        if self.cached(key) is None:
            self._s3.put_object(Bucket=self._setting.responses_bucket, Key=key, Body=body)

    def _rows(self, bag_id: str, version: int | None) -> Iterator[dict[str, Any]]:
        names, values = {"#id": "id"}, {":id": bag_id}
        condition = "#id = :id"
        if version is not None:
            names["#version"], condition = "version", f"{condition} AND #version = :version"
            values |= {":version": Decimal(version)}  # type: ignore[dict-item]
        more: dict[str, Any] = {}
        while True:
            page = self._table.query(
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                ConsistentRead=True,
                **more,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _read(self, row: Mapping[str, Any]) -> Any:
        payload = row["payload"]
        payload = payload.get("typedStoreId", payload)
        bucket, key = payload.get("bucket", payload.get("namespace")), payload.get("key", payload.get("path"))
        return json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
