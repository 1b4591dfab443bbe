"""The peer without a product: what one writes with the providers' own libraries, a thread pool and no more.

``python sdk_task.py copy|verify S3_BUCKET CONTAINER FOLDER``: ``copy`` downloads each object and uploads it; ``verify``
downloads it from Azure, hashes it, and compares with the bag's manifest. Prints ``{"files", "bytes"}``. Credentials
come from the usual variables.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from azure.storage.blob import ContainerClient

THREADS = 8


def main() -> None:
    verb, bucket, container, folder = sys.argv[1:]
    s3 = boto3.client("s3")
    there = ContainerClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"], container)

    def copy(key: str) -> int:
        found = s3.get_object(Bucket=bucket, Key=key)
        there.upload_blob(key, found["Body"], length=found["ContentLength"], overwrite=False)
        return int(found["ContentLength"])

    manifest = dict(_manifest(s3, bucket, folder)) if verb == "verify" else {}

    def verify(key: str) -> int:
        digest, size = hashlib.sha256(), 0
        for chunk in there.download_blob(key).chunks():
            digest.update(chunk)
            size += len(chunk)
        expected = manifest.get(key)
        if expected not in {None, digest.hexdigest()}:
            sys.exit(f"{key} is damaged")
        return size

    with ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(copy if verb == "copy" else verify, _keys(s3, bucket, folder)))
    print(json.dumps({"files": len(sizes), "bytes": sum(sizes)}))


def _keys(s3: Any, bucket: str, folder: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/"):
        for found in page.get("Contents", []):
            yield found["Key"]


def _manifest(s3: Any, bucket: str, folder: str) -> Iterator[tuple[str, str]]:
    """Keys and digests of every file in the payload manifest and the tag manifest."""
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        text = s3.get_object(Bucket=bucket, Key=f"{folder}/{name}")["Body"].read().decode()
        for line in text.splitlines():
            digest, path = line.split(maxsplit=1)
            yield f"{folder}/{path}", digest


if __name__ == "__main__":
    main()
