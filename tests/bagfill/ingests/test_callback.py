"""Callbacks against a real server on the loopback."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator

import pytest

from bagfill.ingests.callback import CallbackRefused, post_ingest
from stub_receiver import Receiver

DOCUMENT = {"id": "1", "type": "Ingest", "text": "ü"}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr("tenacity.wait_exponential_jitter", lambda **_: lambda state: 0)
    with Receiver() as running:
        yield running


def test_the_document_arrives_as_json(receiver: Receiver) -> None:
    post_ingest(receiver.url, DOCUMENT, 5)
    (request,) = receiver.requests
    assert request.method == "POST"
    assert request.path == "/done?token=PSSST"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == DOCUMENT


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_taken_for_one(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_refusal_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(CallbackRefused, match=str(status)):
        post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_not_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(CallbackRefused, match=f"answered {status}"):
        post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_fault_of_the_server_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status, status]
    post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 3


def test_the_attempts_have_an_end(receiver: Receiver) -> None:
    receiver.answers = [500] * 20
    with pytest.raises(CallbackRefused, match="answered 500"):
        post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 4


def test_nobody_there_is_a_refusal_in_the_end(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(CallbackRefused, match="no answer"):
            post_ingest(f"http://127.0.0.1:{port}/x?token=PSSST", DOCUMENT, 1)


def test_a_url_that_cannot_be_used_is_a_refusal() -> None:
    with pytest.raises(CallbackRefused):
        post_ingest("http://127.0.0.1:1\n/x?token=PSSST", DOCUMENT, 1)


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    post_ingest(receiver.url, DOCUMENT, 5)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("answers", [[], [404], [500] * 4])
def test_neither_the_log_nor_the_error_holds_the_query(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, answers: list[int]
) -> None:
    caplog.set_level(logging.INFO)
    receiver.answers = answers
    try:
        post_ingest(receiver.url, DOCUMENT, 5)
    except CallbackRefused as error:
        text = repr(error)
    else:
        text = ""
    assert "PSSST" not in caplog.text + text
