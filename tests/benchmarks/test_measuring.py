"""The measuring itself, with programs that are cheap to run."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from counting_proxy import CountingProxy
from measured import ProgramFailed, run_measured
from sample_bags import MIB
from validation import Folder, validation_rows


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/account"
    server.shutdown()
    server.server_close()


def test_requests_are_counted_and_payload_that_looks_like_one_is_not(endpoint: str) -> None:
    with CountingProxy(endpoint) as proxy:
        assert proxy.endpoint.endswith("/account")
        host = proxy.endpoint.split("/")[2]
        for _ in range(2):
            client = http.client.HTTPConnection(host)
            for _ in range(3):
                client.putrequest("PUT", "/account/x")
                client.putheader("Content-Length", str(5 * MIB))
                client.endheaders()
                client.send(b"GET / HTTP/1.1\r\n" + bytes(5 * MIB - 16))
                assert client.getresponse().read() == b""
            client.close()
    assert proxy.requests == 6


def test_processor_time_memory_and_output_are_those_of_the_program() -> None:
    program = "import time\nheld = bytearray(64 << 20)\nwhile time.process_time() < 0.3: pass\nprint('said')"
    usage = run_measured((sys.executable, "-c", program), os.environ)
    assert usage.cpu >= 0.3
    assert usage.peak_bytes >= 64 * MIB
    assert usage.output == "said\n"


def test_a_program_that_fails_has_no_figures() -> None:
    with pytest.raises(ProgramFailed, match="the reason"):
        run_measured((sys.executable, "-c", "import sys; sys.exit('the reason')"), os.environ)


def test_both_validators_are_run_on_the_same_folder() -> None:
    said: list[str] = []
    rows = validation_rows([Folder("validate_local", "3 files of 10 bytes", 3, 10)], 1, said.append)
    assert [(row.name, row.peer_name, row.unit) for row in rows] == [("validate_local", "bagit.py --validate", "CPU s")]
    assert rows[0].ours
    assert rows[0].peer
    assert said
