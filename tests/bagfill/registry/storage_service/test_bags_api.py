"""The bags API's client, against the stand-in and against answers that no stand-in gives."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bagfill.bag.identifiers import BagVersion
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.registry.storage_service.api_errors import BagsApiError
from bagfill.registry.storage_service.api_http import ApiHttp
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.registry.storage_service.tokens import Tokens
from contracts.sample_manifests import bag_version, manifest_document, sample_manifest


def no_wait(_: float) -> None:
    """Tests have no patience."""


def client(service: StorageServiceServer, secret: str | None = None) -> BagsApi:
    http = ApiHttp(10, sleep=no_wait)
    given = service.setting.client_secret if secret is None else secret
    tokens = Tokens(http, service.token_address, service.setting.client_id, lambda: given)
    return BagsApi(http, service.api, tokens)


def put(service: StorageServiceServer, document: Mapping[str, Any]) -> None:
    setting = service.setting
    bag = f"{document['space']}/{document['info']['externalIdentifier']}"
    key = f"{bag}/{document['version']}/{uuid4()}.json"
    setting.client("s3").put_object(Bucket=setting.manifests_bucket, Key=key, Body=json.dumps(document).encode())
    payload = {"bucket": setting.manifests_bucket, "key": key}
    setting.table(setting.manifests_table).put_item(
        Item={"id": bag, "version": document["version"], "payload": payload}
    )


@pytest.mark.servers
class TestAgainstTheStandIn:
    @pytest.mark.parametrize("identifier", ["b1", "PP/MIA/1", "A images", "a.b-c_d", "v1"])
    def test_versions_and_manifests_are_read(self, service: StorageServiceServer, identifier: str) -> None:
        first, second = (bag_version(identifier, number, space="read") for number in (1, 2))
        for each in (second, first):
            put(service, manifest_document(each, replica_buckets=["replicas"]))
        api = client(service)
        assert api.versions(first.bag) == (first.version, second.version)
        with api.manifest(first) as shown:
            assert shown is not None
            stored = sample_manifest(first, replica_buckets=["replicas"])
            assert (shown.id, shown.locations) == (first, stored.locations)
            assert list(shown.files) == list(stored.files)
            assert (shown.own_files, shown.own_bytes) == (stored.own_files, stored.own_bytes)

    def test_what_the_service_does_not_know_is_nothing(self, service: StorageServiceServer) -> None:
        nobody = bag_version("nobody", 7)
        api = client(service)
        assert api.versions(nobody.bag) == ()
        with api.manifest(nobody) as shown:
            assert shown is None

    def test_a_large_manifest_is_had_from_its_signed_address(self, service: StorageServiceServer) -> None:
        # The stand-in answers 400 at a signed address when our token comes along.
        large = bag_version("b19974760", 1, space="large")
        put(service, manifest_document(large, files={f"v1/data/{n}.txt": n for n in range(400)}))
        with client(service).manifest(large) as shown:
            assert shown is not None
            assert len(list(shown.payload_files)) == 400

    def test_a_token_that_ended_early_is_replaced(self, service: StorageServiceServer) -> None:
        known = bag_version("token", 1, space="token")
        put(service, manifest_document(known))
        api = client(service)
        assert api.versions(known.bag) == (BagVersion(1),)
        service.expire_tokens()
        assert api.versions(known.bag) == (BagVersion(1),)

    def test_a_service_that_stumbles_is_asked_again(self, service: StorageServiceServer) -> None:
        known = bag_version("stumbles", 1, space="again")
        put(service, manifest_document(known))
        service.set_faults(
            {"part": "bags", "fault": "status", "status": 503, "count": 1},
            {"part": "bags", "fault": "nothing", "count": 1},
            {"part": "token", "fault": "status", "status": 500, "count": 1},
        )
        assert client(service).versions(known.bag) == (BagVersion(1),)

    def test_a_wrong_secret_is_told_with_what_to_look_at(self, service: StorageServiceServer) -> None:
        with pytest.raises(BagsApiError, match=r"the token endpoint answered 40\d; check client_id") as caught:
            client(service, "another").versions(bag_version().bag)
        assert not caught.value.retryable
        assert "another" not in str(caught.value)


@dataclass
class Scripted:
    """A server that gives prepared answers by path, and notes what it was asked."""

    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def says(self, path: str, status: int, body: Any = b"", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(path, []).append((status, headers, raw))


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            script.asked.append((path, self.headers.get("Authorization")))
            waiting = script.answers.get(path, [])
            status, headers, body = waiting.pop(0) if len(waiting) > 1 else (waiting or [(418, {}, b"")])[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.address = f"http://127.0.0.1:{server.server_address[1]}"
    script.says("/token", 200, {"access_token": "first", "expires_in": 3600})
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield script
    server.shutdown()
    server.server_close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def scripted_client(script: Scripted, clock: Clock | None = None, base: str | None = None) -> BagsApi:
    http = ApiHttp(5, sleep=no_wait)
    tokens = Tokens(http, f"{script.address}/token", "client", lambda: "secret", clock=clock or Clock())
    return BagsApi(http, script.address if base is None else base, tokens)


ONE = bag_version("b1", 1)
VERSIONS = "/bags/digitised/b1/versions"
BAG = "/bags/digitised/b1"
KNOWN = {"results": [{"version": "v1"}]}


@pytest.mark.parametrize(
    "headers",
    [
        {"Location": "http://[signature/"},
        {"Location": "http://127.0.0.1:signature/x"},
        {"Location": "http://127.0.0.1/\x01signature"},
        {},
    ],
)
def test_an_address_that_nobody_can_ask_is_told_without_it(scripted: Scripted, headers: dict[str, str]) -> None:
    scripted.says(BAG, 307, **headers)
    with pytest.raises(BagsApiError, match="b1/v1: ") as caught, scripted_client(scripted).manifest(ONE):
        pytest.fail("nothing to show")
    assert "signature" not in str(caught.value)


def test_an_answer_that_cannot_be_decoded_is_one_that_broke_off(scripted: Scripted) -> None:
    scripted.says(VERSIONS, 200, b"no gzip", **{"Content-Encoding": "gzip"})
    with pytest.raises(BagsApiError, match="broke off") as caught:
        scripted_client(scripted).versions(ONE.bag)
    assert caught.value.retryable


def test_a_certificate_that_is_not_trusted_is_told_at_once_and_never_tried_again(tmp_path: Path) -> None:
    """No later try makes it good, and nothing here turns the check off."""
    waits: list[float] = []
    with untrusted(tmp_path) as address:
        http = ApiHttp(5, sleep=waits.append)
        tokens = Tokens(http, f"{address}/token", "client", lambda: "marked-secret")
        with pytest.raises(BagsApiError, match="the token: the server's certificate is not trusted") as caught:
            BagsApi(http, address, tokens).versions(ONE.bag)
        http.close()
    assert not caught.value.retryable
    assert waits == []
    assert "marked-secret" not in str(caught.value)


@contextmanager
def untrusted(folder: Path) -> Iterator[str]:
    """A server whose certificate nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    # The handshake is each connection's own: a refused one must not end the server.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_token_is_asked_for_once_and_again_a_minute_before_its_end(scripted: Scripted) -> None:
    scripted.says(VERSIONS, 200, KNOWN)
    clock = Clock()
    api = scripted_client(scripted, clock)
    for clock.now in (0.0, 3539.0, 3541.0):
        api.versions(ONE.bag)
    assert [path for path, _ in scripted.asked] == ["/token", VERSIONS, VERSIONS, "/token", VERSIONS]


def test_a_short_lived_token_is_replaced_in_its_last_tenth(scripted: Scripted) -> None:
    scripted.answers["/token"] = []
    scripted.says("/token", 200, {"access_token": "short", "expires_in": 10})
    scripted.says(VERSIONS, 200, KNOWN)
    clock = Clock()
    api = scripted_client(scripted, clock)
    for clock.now in (0.0, 8.9, 9.1):
        api.versions(ONE.bag)
    assert [path for path, _ in scripted.asked].count("/token") == 2


def test_a_token_that_is_refused_twice_is_an_error(scripted: Scripted) -> None:
    scripted.says(VERSIONS, 401, {"message": "Unauthorized"})
    with pytest.raises(BagsApiError, match="digitised/b1: answered 401") as caught:
        scripted_client(scripted).versions(ONE.bag)
    assert not caught.value.retryable
    assert [path for path, _ in scripted.asked].count("/token") == 2


@pytest.mark.parametrize("body", [b"", b"not found", {"message": "Not Found"}, ["errorType"]])
def test_a_404_that_is_not_the_services_own_is_not_taken_for_no_such_bag(scripted: Scripted, body: Any) -> None:
    scripted.says(VERSIONS, 404, body)
    scripted.says(BAG, 404, body)
    api = scripted_client(scripted)
    with pytest.raises(BagsApiError, match="not in the service's words"):
        api.versions(ONE.bag)
    with pytest.raises(BagsApiError, match="not in the service's words"), api.manifest(ONE):
        pass


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_an_answer_that_is_no_answer_is_an_error(scripted: Scripted, status: int) -> None:
    scripted.says(BAG, status, {"description": "No", "errorType": "http", "httpStatus": status})
    with (
        pytest.raises(BagsApiError, match=f"answered {status}: No") as caught,
        scripted_client(scripted).manifest(ONE),
    ):
        pass
    assert caught.value.retryable == (status >= 500)


def test_our_token_does_not_go_to_a_signed_address_and_one_that_ended_is_replaced(scripted: Scripted) -> None:
    text = json.dumps(manifest_document(ONE)).encode()
    scripted.says(BAG, 307, Location=f"{scripted.address}/old?X-Amz-Signature=s3cret")
    scripted.says(BAG, 307, Location="/new?X-Amz-Signature=s3cret")
    scripted.says("/old", 403, b"<Code>AccessDenied</Code>")
    scripted.says("/new", 200, text)
    with scripted_client(scripted).manifest(ONE) as shown:
        assert shown is not None
        assert shown.raw == text
    assert [asked for asked in scripted.asked if asked[0] in {"/old", "/new"}] == [("/old", None), ("/new", None)]


def test_a_signed_address_that_fails_is_not_named(scripted: Scripted) -> None:
    scripted.says(BAG, 307, Location=f"{scripted.address}/old?X-Amz-Signature=s3cret")
    scripted.says("/old", 403)
    with (
        pytest.raises(BagsApiError, match="403 at the signed address") as caught,
        scripted_client(scripted).manifest(ONE),
    ):
        pass
    assert "s3cret" not in str(caught.value)
    assert caught.value.retryable


def test_a_body_that_ends_early_is_an_error_and_no_manifest(scripted: Scripted) -> None:
    text = json.dumps(manifest_document(ONE)).encode()
    scripted.says(BAG, 200, text[:-10], **{"Content-Length": str(len(text))})
    with pytest.raises(BagsApiError, match="broke off") as caught, scripted_client(scripted).manifest(ONE):
        pass
    assert caught.value.retryable


def test_another_bag_version_in_its_place_is_an_error(scripted: Scripted) -> None:
    scripted.says(BAG, 200, manifest_document(bag_version("b1", 2)))
    with (
        pytest.raises(BagsApiError, match="shows digitised/b1/v2 in its place"),
        scripted_client(scripted).manifest(ONE),
    ):
        pass


def test_shapes_of_2019_are_read(scripted: Scripted) -> None:
    place = {"provider": {"id": "aws-s3-standard", "type": "Provider"}, "bucket": "primary", "path": "digitised/b1"}
    document = {
        "@context": "https://api.wellcomecollection.org/storage/v1/context.json",
        "id": "digitised/b1",
        "space": {"id": "digitised", "type": "Space"},
        "info": {"externalIdentifier": "b1", "sourceOrganization": "X", "type": "BagInfo"},
        "manifest": {
            "checksumAlgorithm": "sha256",
            "files": [{"checksum": "ab" * 32, "name": "data/a", "path": "v1/data/a", "size": 1, "type": "File"}],
            "type": "BagManifest",
        },
        "tagManifest": {"checksumAlgorithm": "sha256", "files": [], "type": "BagManifest"},
        "accessLocation": place,
        "archiveLocations": [{**place, "provider": {"id": "aws-s3-glacier"}, "bucket": "replicas"}],
        "createdDate": "2019-08-16T09:00:00.000000Z",
        "version": "v1",
        "type": "Bag",
    }
    scripted.says(BAG, 200, document)
    with scripted_client(scripted).manifest(ONE) as shown:
        assert shown is not None
        assert [place.bucket for place in shown.locations] == ["primary", "replicas"]


def test_a_legacy_identifier_that_ends_in_a_slash_and_dots_reach_the_service_as_they_are(scripted: Scripted) -> None:
    odd = {"PP/MIA/": "PP%2FMIA%2F", "a/../b": "a%2F..%2Fb", "50% A": "50%25%20A"}
    for identifier, encoded in odd.items():
        scripted.says(f"/bags/digitised/{encoded}/versions", 200, KNOWN)
        assert scripted_client(scripted).versions(bag_version(identifier).bag) == (BagVersion(1),)


def test_a_plain_address_is_not_asked_when_the_api_has_tls(scripted: Scripted) -> None:
    class Answered(ApiHttp):
        """The API's own address has TLS; the answer is prepared."""

        def get(self, url: str, headers: Mapping[str, str], *, about: str) -> Any:
            return super().get(url.replace("https://api.test", scripted.address), headers, about=about)

    http = Answered(5, sleep=no_wait)
    api = BagsApi(http, "https://api.test", Tokens(http, f"{scripted.address}/token", "client", lambda: "secret"))
    scripted.says(BAG, 307, Location=f"{scripted.address}/plain?X-Amz-Signature=s3cret")
    with pytest.raises(BagsApiError, match="without TLS"), api.manifest(ONE):
        pass
    assert "/plain" not in {path for path, _ in scripted.asked}
