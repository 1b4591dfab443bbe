"""A stand-in for S3 Batch Operations: it takes jobs over HTTP as AWS does, and does them on a real S3 server.

No server that can be installed knows s3control's jobs. This one knows two operations, and no roles and no waiting.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

from botocore.exceptions import ClientError

_HASHES = {"SHA256": hashlib.sha256, "SHA512": hashlib.sha512, "SHA1": hashlib.sha1, "MD5": hashlib.md5}


@dataclass
class StubBatch:
    """Jobs by their client's token. Serves as a proxy: the SDK puts the account before any host it is given.

    Args:
        s3: boto3's client of the server that holds manifests, objects and reports.
        body: an object's bytes, whatever class it is in: what AWS reads where it lies.
        refuse: keys that a job cannot do, with the error code.
        looks: so many times a job is looked at before it has ended.
        fail: every job fails as a whole.
    """

    s3: Any
    body: Callable[[str, str], bytes]
    refuse: dict[str, str] = field(default_factory=dict)
    looks: int = 1
    fail: bool = False
    jobs: dict[str, str] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    restored: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _looked: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL, for the time of the block."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path.endswith(".batch.test/v20180820/jobs"), self.path
                self._answer(f"<CreateJobResult><JobId>{stub.create(body)}</JobId></CreateJobResult>")

            def do_GET(self) -> None:
                self._answer(f"<DescribeJobResult>{stub.describe(self.path.rpartition('/')[2])}</DescribeJobResult>")

            def _answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def create(self, body: bytes) -> str:
        """Do a job at once, and remember it; the same token is the same job."""
        tree = _Tree(body)
        token = tree.text("ClientRequestToken")
        if token in self.jobs:
            return self.jobs[token]
        job = self.jobs[token] = f"job-{len(self.jobs):04}"
        if not self.fail:
            self._do(job, tree)
        return job

    def _do(self, job: str, tree: _Tree) -> None:
        bucket, _, key = tree.text("ObjectArn").removeprefix("arn:aws:s3:::").partition("/")
        manifest = self.s3.get_object(Bucket=bucket, Key=key)
        assert manifest["ETag"].strip('"') == tree.text("ETag").strip('"'), "the manifest was replaced"
        rows = [(where, unquote(name)) for where, name in csv.reader(io.StringIO(manifest["Body"].read().decode()))]
        if tree.has("S3InitiateRestoreObject"):
            self.operations.append("restore")
            parts = self._report(rows, lambda where, name: self._restore(where, name, tree))
        else:
            self.operations.append(f"checksum {tree.text('ChecksumAlgorithm')}")
            parts = self._report(rows, lambda where, name: self._hash(where, name, tree.text("ChecksumAlgorithm")))
        folder = f"{tree.text('Prefix')}/job-{job}"
        results = []
        for state, text in parts.items():
            name = f"{folder}/results/{state}.csv"
            self.s3.put_object(Bucket=bucket, Key=name, Body=text.encode())
            results.append({"TaskExecutionStatus": state, "Bucket": bucket, "Key": name, "MD5Checksum": "0"})
        summary = {"Format": "Report_CSV_20180820", "Results": results}
        self.s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(summary).encode())

    def _report(self, rows: list[tuple[str, str]], act: Callable[[str, str], str]) -> dict[str, str]:
        texts = {"succeeded": io.StringIO(), "failed": io.StringIO()}
        for bucket, key in rows:
            try:
                if key in self.refuse:
                    raise ClientError({"Error": {"Code": self.refuse[key]}}, "RestoreObject")
                row = ["succeeded", "", "200", act(bucket, key)]
            except ClientError as error:
                row = ["failed", error.response["Error"]["Code"], "409", "refused"]
            csv.writer(texts[row[0]], lineterminator="\n").writerow([bucket, quote(key), "", *row])
        return {state: text.getvalue() for state, text in texts.items() if text.getvalue()}

    def _restore(self, bucket: str, key: str, tree: _Tree) -> str:
        request: dict[str, Any] = {"GlacierJobParameters": {"Tier": tree.text("GlacierJobTier").capitalize()}}
        if tree.has("ExpirationInDays"):
            request["Days"] = int(tree.text("ExpirationInDays"))
        self.s3.restore_object(Bucket=bucket, Key=key, RestoreRequest=request)
        self.restored.append((key, request))
        return "Successful"

    def _hash(self, bucket: str, key: str, algorithm: str) -> str:
        digest = _HASHES[algorithm](self.body(bucket, key)).digest()
        said = {"checksumAlgorithm": algorithm, "checksumType": "FULL_OBJECT", "etag": "e"}
        return json.dumps({**said, "checksum_base64": base64.b64encode(digest).decode()})

    def describe(self, job: str) -> str:
        """How far a job is."""
        self._looked[job] = self._looked.get(job, 0) + 1
        if self._looked[job] <= self.looks:
            return f"<Job><JobId>{job}</JobId><Status>Active</Status></Job>"
        if self.fail:
            reason = "<FailureReasons><member><FailureCode>AccessDenied</FailureCode></member></FailureReasons>"
            return f"<Job><JobId>{job}</JobId><Status>Failed</Status>{reason}</Job>"
        return f"<Job><JobId>{job}</JobId><Status>Complete</Status></Job>"


class _Tree:
    """An XML document by the local names of its elements."""

    def __init__(self, body: bytes) -> None:
        self._texts = {each.tag.rpartition("}")[2]: each.text or "" for each in ET.fromstring(body).iter()}  # noqa: S314

    def has(self, name: str) -> bool:
        return name in self._texts

    def text(self, name: str) -> str:
        return self._texts[name]
