"""A large manifest passes through: read by row and by API, given a location, written, and never held."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAMS = {
    "by its row": """
class Bucket:
    written = b""
    def read(self, key):
        return text()
objects = BucketObjects(lambda _: Bucket())
manifest = read_manifest(objects, ManifestRow(bag.version(1), "bucket", "key", {}))
place = ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "second", str(bag))
appended = with_replica_location(manifest, place)
assert appended.replica_locations == (place,)
length = sum(map(len, appended.text.chunks()))
""",
    "through the API": """
class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        self.say(200, {}, [b'{"access_token": "t", "expires_in": 3600}'])
    def do_GET(self):
        if self.path.startswith("/large"):
            self.say(200, {}, text())
        else:
            self.say(307, {"Location": "/large?signature=x"}, [])
    def say(self, status, headers, pieces):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"
http = ApiHttp()
api = BagsApi(http, address, Tokens(http, f"{address}/token", "client", lambda: "secret"))
with api.manifest(bag.version(1)) as manifest:
    length = sum(map(len, manifest.text.chunks()))
""",
}

COMMON = """
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import httpx
from bagfill.bag.identifiers import BagId, ExternalIdentifier, Space
from bagfill.manifest.append import with_replica_location
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider
from bagfill.registry.storage_service.api_http import ApiHttp
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.registry.storage_service.objects import BucketObjects, read_manifest
from bagfill.registry.storage_service.rows import ManifestRow
from bagfill.registry.storage_service.tokens import Tokens
bag = BagId(Space("digitised"), ExternalIdentifier("b19974760"))
FILES = 60_000
def text():
    name = "data/objects/" + "x" * 200
    yield b'{"space": "digitised", "info": {"externalIdentifier": "b19974760"}, "version": 1, '
    yield b'"manifest": {"checksumAlgorithm": "SHA-256", "files": ['
    for start in range(0, FILES, 1000):
        some = [
            {"checksum": f"{n:064x}", "name": f"{name}{n}", "path": f"v1/{name}{n}", "size": n}
            for n in range(start, start + 1000)
        ]
        yield (", " if start else "").encode() + json.dumps(some)[1:-1].encode()
    yield b']}, "tagManifest": {"checksumAlgorithm": "SHA-256", "files": []}, '
    yield b'"location": {"prefix": {"bucket": "first", "keyPrefix": "digitised/b19974760"}}, '
    yield b'"replicaLocations": [], "createdDate": "2021-07-16T09:00:00Z"}'
def peak():
    # What getrusage says includes the process that started this one.
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
before = peak()
"""


@pytest.mark.parametrize("way", PROGRAMS)
def test_a_manifest_is_never_held_as_a_whole(way: str) -> None:
    end = "print(length, manifest.own_files, peak() - before)"
    program = COMMON + PROGRAMS[way] + end
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    length, files, grown = map(int, done.stdout.split())
    assert files == 60_000
    assert length > 30_000_000
    # Windows of it, and what is held of a small one: whatever its length, the same.
    assert grown < 25_000_000, f"{grown} bytes more for {length}"
