"""Callbacks against a real server on the loopback."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bagfill.ingests.callback import CallbackRefused, post_ingest, sign
from bagfill.ingests.callback_rules import CallbackRules
from stub_receiver import Receiver

DOCUMENT = {"id": "1", "type": "Ingest", "text": "ü"}


def allowing(*receivers: Receiver, redirects: int = 0, **more: Any) -> CallbackRules:
    hosts = tuple(receiver.host for receiver in receivers)
    return CallbackRules(private_hosts=hosts, timeout_seconds=5, redirects=redirects, **more)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr("tenacity.wait_exponential_jitter", lambda **_: lambda state: 0)
    with Receiver() as running:
        yield running


def test_the_document_arrives_as_json(receiver: Receiver) -> None:
    post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    (request,) = receiver.requests
    assert request.method == "POST"
    assert request.path == "/done?token=PSSST"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == DOCUMENT


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_taken_for_one(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_refusal_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(CallbackRefused, match=str(status)):
        post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_not_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(CallbackRefused, match=f"answered {status}"):
        post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_fault_of_the_server_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status, status]
    post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 3


def test_the_attempts_have_an_end(receiver: Receiver) -> None:
    receiver.answers = [500] * 20
    with pytest.raises(CallbackRefused, match="answered 500"):
        post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 4


def test_nobody_there_is_a_refusal_in_the_end(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        rules = CallbackRules(private_hosts=(f"127.0.0.1:{port}",), timeout_seconds=1)
        with pytest.raises(CallbackRefused, match="no answer"):
            post_ingest(f"http://127.0.0.1:{port}/x?token=PSSST", DOCUMENT, rules)


def test_somebody_who_never_answers_is_a_refusal_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.wait_exponential_jitter", lambda **_: lambda state: 0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        rules = CallbackRules(private_hosts=(host,), timeout_seconds=0.1)
        with pytest.raises(CallbackRefused, match="ReadTimeout"):
            post_ingest(f"http://{host}/", DOCUMENT, rules)


def test_a_url_that_cannot_be_used_is_a_refusal() -> None:
    with pytest.raises(CallbackRefused):
        post_ingest("http://127.0.0.1:1\n/x?token=PSSST", DOCUMENT, CallbackRules(("*",)))


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("answers", [[], [404], [500] * 4])
def test_neither_the_log_nor_the_error_holds_the_query(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, answers: list[int]
) -> None:
    caplog.set_level(logging.INFO)
    receiver.answers = answers
    try:
        post_ingest(receiver.url, DOCUMENT, allowing(receiver))
    except CallbackRefused as error:
        text = repr(error)
    else:
        text = ""
    assert "PSSST" not in caplog.text + text


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_to_an_allowed_place_is_followed_when_the_rules_say_so(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    post_ingest(receiver.url, DOCUMENT, allowing(receiver, redirects=1))
    assert [request.path for request in receiver.requests] == ["/done?token=PSSST", "/elsewhere"]
    assert json.loads(receiver.requests[1].body) == DOCUMENT


def test_a_redirect_that_would_make_a_get_of_it_is_a_refusal(receiver: Receiver) -> None:
    receiver.answers = [302]
    with pytest.raises(CallbackRefused, match="answered 302"):
        post_ingest(receiver.url, DOCUMENT, allowing(receiver, redirects=3))


def test_redirects_have_an_end(receiver: Receiver) -> None:
    receiver.answers = [307] * 9
    with pytest.raises(CallbackRefused, match="2 redirects"):
        post_ingest(receiver.url, DOCUMENT, allowing(receiver, redirects=2))
    assert len(receiver.requests) == 3


def test_a_redirect_leads_to_no_place_that_is_not_allowed(receiver: Receiver) -> None:
    with Receiver() as inside:
        receiver.answers = [307]
        receiver.redirect_to = inside.url
        with pytest.raises(CallbackRefused, match="may not be called"):
            post_ingest(receiver.url, DOCUMENT, allowing(receiver, redirects=3))
        assert not inside.requests


def test_a_name_that_leads_inside_is_not_called_though_every_name_is_allowed(receiver: Receiver) -> None:
    port = receiver.host.partition(":")[2]
    rules = CallbackRules(("*",), resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(CallbackRefused, match="private address"):
        post_ingest(f"http://callbacks.example.org:{port}/", DOCUMENT, rules)
    assert not receiver.requests


def test_the_address_that_was_judged_is_the_one_that_is_called(receiver: Receiver) -> None:
    host, _, port = receiver.host.partition(":")
    answers = [[host], ["192.0.2.1"]]
    name = f"callbacks.example.org:{port}"
    rules = CallbackRules(private_hosts=(name,), resolve=lambda host, port: answers.pop(0))
    post_ingest(f"http://{name}/done", DOCUMENT, rules)
    (request,) = receiver.requests
    assert request.headers["Host"] == name
    assert answers == [["192.0.2.1"]]


def test_with_a_secret_the_receiver_can_tell_who_sent_it(receiver: Receiver) -> None:
    post_ingest(receiver.url, DOCUMENT, allowing(receiver, secret=lambda: "s3cret"))
    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["webhook-id"] == "1"
    expected = sign("s3cret", "1", int(headers["webhook-timestamp"]), request.body)
    assert headers["webhook-signature"] == expected
    assert sign("other", "1", int(headers["webhook-timestamp"]), request.body) != expected


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of standardwebhooks' own libraries."""
    body = b'{"test": 2432232314}'
    signature = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_cannot_be_used_is_a_refusal_and_not_shown(receiver: Receiver) -> None:
    with pytest.raises(CallbackRefused, match="not base64") as caught:
        post_ingest(receiver.url, DOCUMENT, allowing(receiver, secret=lambda: "whsec_PSSST?"))
    assert "PSSST" not in str(caught.value)
    assert not receiver.requests
