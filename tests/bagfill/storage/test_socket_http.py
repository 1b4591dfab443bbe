"""Answers as servers of every kind give them: a body is whole or an error, and no answer is taken for another's."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.http_connection import CHUNK, BodyBroke, Unframed
from bagfill.storage.http_head import READ, HeadUnsound, parse_head
from bagfill.storage.lean_http import NoAnswer
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.plain_objects import PlainObjects, open_plain
from bagfill.storage.s3_objects import S3Dialect
from bagfill.storage.s3_place import Keys, S3Place
from bagfill.storage.socket_http import SocketHttp
from bagfill.storage.store import Created

LIMITS = RequestLimits(attempts=1, connect_seconds=2, read_seconds=2)


@dataclass
class Wire:
    """A server that says prepared bytes.

    Args:
        url: ``http://127.0.0.1:port``.
        requests: head of each request, in order.
        connections: how many were made.
    """

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def saying(*connections: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """For each connection its answers, one for each request; then the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = Wire(f"{'https' if tls else 'http'}://127.0.0.1:{server.getsockname()[1]}")

        def serve() -> None:
            for answers in connections:
                try:
                    client, _ = server.accept()
                    client = tls.wrap_socket(client, server_side=True) if tls else client
                except OSError:
                    # A client that does not trust this server is no end of the test.
                    continue
                wire.connections += 1
                with client, client.makefile("rb") as sent:
                    for answer in answers:
                        head = b""
                        while not head.endswith(b"\r\n\r\n"):
                            line = sent.readline()
                            if not line:
                                break
                            head += line
                        wire.requests.append(head)
                        length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
                        sent.read(int(length[0][16:]) if length else 0)
                        client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield wire
        server.close()


def get(http: SocketHttp, wire: Wire) -> tuple[int, bytes]:
    answered = http.send("GET", f"{wire.url}/a", {})
    return answered.status, b"".join(answered.body)


def plain(body: bytes, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_connection_serves_request_after_request() -> None:
    large = bytes(range(256)) * (CHUNK // 100)
    with saying([plain(b"one"), plain(b""), plain(large)]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        assert [get(http, wire)[1] for _ in range(3)] == [b"one", b"", large]
        assert wire.connections == 1
        http.close()


@pytest.mark.parametrize("more", ["Connection: close\r\n", "connection: Keep-Alive, Close\r\n"])
def test_a_connection_that_the_server_closes_is_not_used_again(more: str) -> None:
    with saying([plain(b"one", more)], [plain(b"two")]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        assert [get(http, wire)[1] for _ in range(2)] == [b"one", b"two"]
        assert wire.connections == 2
        http.close()


def test_a_kept_connection_that_ended_meanwhile_is_replaced() -> None:
    with saying([plain(b"one")], [plain(b"two")]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        assert get(http, wire)[1] == b"one"
        # The server closes it now or a moment later: either way the next request gets its answer.
        assert get(http, wire)[1] == b"two"
        http.close()


def test_what_comes_unasked_is_never_the_answer_to_the_next_request() -> None:
    timed_out = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    with saying([plain(b"one") + timed_out], [plain(b"two")]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        with pytest.raises(BodyBroke):
            get(http, wire)
        assert get(http, wire) == (200, b"two")
        http.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcXXXX0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
    ],
)
def test_a_body_that_is_not_whole_is_an_error(answer: bytes) -> None:
    with saying([answer]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        with pytest.raises(BodyBroke):
            get(http, wire)


def test_what_came_before_a_break_is_handed_out() -> None:
    with saying([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"]) as wire:
        body = SocketHttp(wire.url, None, LIMITS).send("GET", f"{wire.url}/a", {}).body
        assert bytes(next(body)) == b"123"
        with pytest.raises(BodyBroke):
            next(body)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 3\r\n\r\nabc",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_an_answer_of_which_it_is_not_plain_where_it_ends_is_left_to_another_client(answer: bytes) -> None:
    with saying([answer]) as wire, pytest.raises(Unframed):
        SocketHttp(wire.url, None, LIMITS).send("GET", f"{wire.url}/a", {})


def test_an_interim_answer_is_no_answer() -> None:
    with saying([b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"one")]) as wire:
        assert get(SocketHttp(wire.url, None, LIMITS), wire) == (200, b"one")


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=5))
def test_a_body_in_chunks_is_put_together(pieces: list[bytes]) -> None:
    text = b"".join(f"{len(piece):X};x=y\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\nT: t\r\n\r\n"
    with saying([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        assert get(http, wire)[1] == b"".join(pieces)
        http.close()


def objects(wire: Wire) -> PlainObjects:
    place = S3Place(wire.url, "eu-west-1", lambda: Keys("AKIA", "secret", None))
    opened = open_plain(wire.url, None, S3Dialect("bucket", place), location="here", limits=LIMITS)
    assert opened is not None
    return opened


def answer(status: str, body: bytes = b"", more: str = 'ETag: "e"\r\n') -> bytes:
    return f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


CHUNKED = b'HTTP/1.1 201 Created\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        (answer("200 OK", b"12345"), True),
        (answer("412 Precondition Failed", b"<Error/>"), True),
        (answer("404 Not Found", b"<Code>NoSuchKey</Code>"), True),
        (answer("200 OK", b"123456"), True),
        (answer("200 OK", bytes(70_000)), False),
        (answer("206 Partial Content", b"12345"), True),
        (answer("200 OK", b"12345", more='ETag: "other"\r\n'), True),
        (answer("200 OK", b"12345", more=""), True),
        (answer("200 OK", b"12345") + b"more", False),
        (b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 5\r\n\r\n123', False),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", False),
    ],
)
def test_only_the_very_object_is_read_into_memory(first: bytes, *, kept: bool) -> None:
    wanted = first == answer("200 OK", b"12345")
    then = [answer("200 OK", b"abcde")]
    with saying(*([[first, *then]] if kept else [[first], then])) as wire:
        opened = objects(wire)
        into = memoryview(bytearray(5))
        assert opened.read_into("a", into, "e") is wanted
        assert not wanted or into == b"12345"
        # The next answer is the next object's, over the same connection or another one.
        assert opened.read_into("b", into, "e")
        assert into == b"abcde"
        assert wire.connections == (1 if kept else 2)
        opened.close()


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Slow Down"])
def test_a_refusal_of_a_quick_read_is_told_with_the_pause_that_was_asked_for(status: str) -> None:
    body = b"<Error><Code>SlowDown</Code></Error>"
    with saying([answer(status, body, more="Retry-After: 7\r\n")]) as wire:
        opened = objects(wire)
        with pytest.raises(StoreError) as raised:
            opened.read_into("a", memoryview(bytearray(5)), "e")
        assert raised.value.failure is StoreFailure.THROTTLED
        assert raised.value.retry_after == 7
        opened.close()


def test_a_server_that_says_nothing_to_a_quick_read_is_unavailable() -> None:
    with saying([], []) as wire:
        opened = objects(wire)
        with pytest.raises(StoreError) as raised:
            opened.read_into("a", memoryview(bytearray(5)), "e")
        assert raised.value.failure is StoreFailure.UNAVAILABLE
        opened.close()


@pytest.mark.parametrize(
    "first",
    [answer("201 Created"), CHUNKED, answer("200 OK", b"<Anything/>"), answer("412 Precondition Failed", b"<E/>")],
)
def test_the_connection_of_a_creation_is_used_again_whatever_body_its_answer_has(first: bytes) -> None:
    with saying([first, answer("200 OK", b"abcde")]) as wire:
        opened = objects(wire)
        made = opened.create("a", b"12345")
        assert made == (None if first.startswith(b"HTTP/1.1 412") else Created("e", None))
        assert opened.read_into("a", memoryview(bytearray(5)), "e")
        assert wire.connections == 1
        opened.close()


def test_a_creation_counts_by_its_head_though_the_body_of_the_answer_broke() -> None:
    with saying([b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 9\r\n\r\n123']) as wire:
        opened = objects(wire)
        assert opened.create("a", b"12345") == Created("e", None)
        opened.close()


def test_a_server_that_says_nothing_is_no_answer() -> None:
    with saying([b""]) as wire, pytest.raises(NoAnswer):
        get(SocketHttp(wire.url, None, LIMITS), wire)


def test_a_body_is_sent_whole() -> None:
    body = bytes(range(256)) * 30_000
    with saying([plain(b"")]) as wire:
        http = SocketHttp(wire.url, None, LIMITS)
        assert http.send("PUT", f"{wire.url}/a?b", {"Content-Length": str(len(body))}, memoryview(body)).status == 200
        assert wire.requests[0].startswith(b"PUT /a?b HTTP/1.1\r\nHost: 127.0.0.1:")


def test_a_slow_line_has_the_time_limit_for_each_piece_and_not_for_the_whole_body() -> None:
    size, got = 16 * 1024 * 1024, 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)

        def serve() -> None:
            nonlocal got
            client, _ = server.accept()
            with client:
                while got < size:
                    # The first half alone takes half as long again as may pass without a byte.
                    time.sleep(1.5 / 64 if got < size // 2 else 0)
                    for _ in range(8):
                        got += len(client.recv(16 * 1024)) if got < size else 0
                client.sendall(plain(b""))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        http = SocketHttp(url, None, RequestLimits(attempts=1, connect_seconds=2, read_seconds=1))
        answered = http.send("PUT", f"{url}/a", {"Content-Length": str(size)}, bytes(size))
        assert (answered.status, got >= size) == (200, True)
        thread.join()


def test_a_url_of_another_server_is_never_asked() -> None:
    with pytest.raises(ValueError, match="another server"):
        SocketHttp("http://a.example", None, LIMITS).send("GET", "http://a.example.org/", {})


def test_certificates_and_names_are_checked() -> None:
    context = SocketHttp("https://a.example", None, LIMITS)._tls
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and the certificate that it signed itself, for the loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plainly = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plainly)
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_over_tls_objects_come_and_go_whole(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    large = bytes(range(256)) * 5_000
    with saying([plain(b"one"), plain(large), plain(b"")], tls=tls) as wire:
        http = SocketHttp(wire.url, str(certificate), LIMITS)
        assert [get(http, wire)[1] for _ in range(2)] == [b"one", large]
        assert http.send("PUT", f"{wire.url}/a", {"Content-Length": str(len(large))}, large).status == 200
        assert len(wire.requests) == 3


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with saying([plain(b"one")], tls=tls) as wire, pytest.raises(NoAnswer) as raised:
        get(SocketHttp(wire.url, None, LIMITS), wire)
    assert not raised.value.trusted
    assert wire.requests == []


def test_through_a_proxy_of_the_environment_another_client_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    place = S3Place("http://s3.example", "r", lambda: Keys("k", "s"))
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert open_plain(place.endpoint, None, S3Dialect("b", place), location="l", limits=LIMITS) is None
    monkeypatch.setenv("no_proxy", "s3.example")
    assert open_plain(place.endpoint, None, S3Dialect("b", place), location="l", limits=LIMITS) is not None


_VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
_NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True)
_READ = st.sampled_from(READ).flatmap(lambda name: st.sampled_from([name, name.title(), name.upper()]))
_BLANKS = st.sampled_from(["", " ", "\t ", "  "])


@given(st.integers(200, 599), st.lists(st.tuples(_NAME | _READ, _VALUE, _BLANKS, _BLANKS), max_size=10))
def test_a_head_says_what_the_standard_library_reads_in_it(
    status: int, headers: list[tuple[str, str, str, str]]
) -> None:
    lines = "".join(f"{name}:{before}{value}{after}\r\n" for name, value, before, after in headers)
    head = parse_head(f"HTTP/1.1 {status} Reason\r\n{lines}".removesuffix("\r\n").encode())
    parsed = http.client.parse_headers(io.BytesIO(f"{lines}\r\n".encode()))
    wanted = {name: ", ".join(value.strip() for value in parsed.get_all(name) or []) for name in READ if name in parsed}
    assert head.status == status
    assert dict(head.headers) == wanted


@pytest.mark.parametrize(
    "line",
    ["no colon", " folded: a", "\tfolded", ": nameless", "Content-Length : 3", "a\rb: c", "a: b\nc: d", "ä: b", ""],
)
def test_a_line_that_is_no_header_makes_a_head_unsound(line: str) -> None:
    for lines in (f"{line}\r\nContent-Length: 3", f"Content-Length: 3\r\n{line}"):
        with pytest.raises(HeadUnsound):
            parse_head(f"HTTP/1.1 200 OK\r\n{lines}".encode())


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_head_or_none(text: bytes) -> None:
    with suppress(HeadUnsound):
        parse_head(text)
