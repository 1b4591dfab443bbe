"""The policies of docs/security.md, and which of their actions a request needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from recording_proxy import Request

PAGE = (Path(__file__).parents[1] / "docs/security.md").read_text()
POLICIES: dict[str, Any] = {
    name: json.loads(text) for name, text in re.findall(r'```json title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL)
}


def actions(*names: str) -> set[str]:
    found: set[str] = set()
    for name in names:
        for statement in POLICIES[name]["Statement"]:
            listed = statement["Action"]
            found |= {listed} if isinstance(listed, str) else set(listed)
    return found


def s3_action(request: Request) -> set[str]:
    """Which actions of IAM a request needs. Source: Amazon S3 API reference, "Permissions" of each operation."""
    has = request.query.keys()
    in_bucket = request.path.strip("/").count("/") == 0
    match request.method:
        case "GET" | "HEAD" if in_bucket:
            assert request.method == "HEAD" or "list-type" in has, request
            return {"s3:ListBucket"}
        case "GET" if "uploadId" in has:
            return {"s3:ListMultipartUploadParts"}
        case "GET" | "HEAD":
            return {"s3:GetObjectVersion" if "versionId" in has else "s3:GetObject"}
        case "DELETE" if "uploadId" in has:
            return {"s3:AbortMultipartUpload"}
        case "POST" if "restore" in has:
            return {"s3:RestoreObject"}
        case "POST" if has & {"uploads", "uploadId"}:
            return {"s3:PutObject"}
        case "PUT" if not in_bucket:
            return {"s3:PutObject"}
    raise AssertionError(f"no policy speaks of {request}")
