"""``report_coverage``: the report is written, and real channels are told what is new, once."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from aiosmtpd.controller import Controller
from airflow.dag_processing.dagbag import DagBag

from bagfill.demo.ministack import MiniStack
from bagfill.demo.ports import free_port
from bagfill.notices.log import MemoryNotices
from bagfill.steps.services import Policy, Services
from campaign_world import CampaignWorld

pytestmark = [pytest.mark.airflow, pytest.mark.servers]

DAGS = Path(__file__).resolve().parents[2] / "dags"
# A template, markup, quotes and an emoji in a name: all of it is text.
ODD = "x {{ 7*7 }} <b>\"x\" 'y' 📦/b1"


class Mailbox:
    """Keeps the mail that a server gets; refuses it when told to."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refusing = False

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        if self.refusing:
            return "451 later"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


class Slack(BaseHTTPRequestHandler):
    said: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = json.loads(body) if "json" in self.headers["Content-Type"] else parse_qs(body)
        text = given["text"]
        self.said.append(text if isinstance(text, str) else text[0])
        answer = b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: Any) -> None:
        """Silent."""


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: CampaignWorld) -> None:
        super().__init__("bagfill.wiring")
        self.world = world
        self.notices = MemoryNotices()

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        policies = (Policy((), ("azure",)),)
        yield replace(self.world.services(), notices=self.notices, policies=policies)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> CampaignWorld:
    world = CampaignWorld()
    world.bag(ODD)
    monkeypatch.setitem(sys.modules, "bagfill.wiring", Wiring(world))
    return world


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    plain = {"disable_ssl": True, "disable_tls": True, "from_email": "bagfill@example.org"}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": plain}
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(connection))
    yield box
    server.stop()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    said: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Said", (Slack,), {"said": said}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/api/"
    connection = {"conn_type": "slack", "password": "xoxb-marked-secret", "extra": {"base_url": url}}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK", json.dumps(connection))
    yield said
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def told(ministack: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What arrives at a queue behind the topic, and the topic's ARN."""
    given = {
        "endpoint_url": ministack.endpoint,
        "region_name": ministack.region,
        "aws_access_key_id": ministack.access_key,
        "aws_secret_access_key": ministack.secret_key,
    }
    sns, sqs = boto3.client("sns", **given), boto3.client("sqs", **given)
    topic = sns.create_topic(Name="bagfill-notices")["TopicArn"]
    queue = sqs.create_queue(QueueName="bagfill-notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    connection = {
        "conn_type": "aws",
        "login": ministack.access_key,
        "password": ministack.secret_key,
        "extra": {"endpoint_url": ministack.endpoint, "region_name": ministack.region},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TOPIC", json.dumps(connection))

    def messages() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in found]

    messages.topic = topic  # type: ignore[attr-defined]
    yield messages
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def report(
    world: CampaignWorld, told: Any, airflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The DAG, with three channels declared."""
    assert world
    assert airflow_database
    shipped = (Path(__file__).resolve().parents[2] / "include" / "config" / "bagfill.toml").read_text()
    channels = f"""
[[notices]]
name = "mail"
via = "smtp"
connection = "mail"
to = ["archive@example.org", "ada@example.org"]
[[notices]]
name = "chat"
via = "slack"
connection = "slack"
to = ["#archive"]
[[notices]]
name = "topic"
via = "sns"
connection = "topic"
to = ["{told.topic}"]
"""
    file = tmp_path / "bagfill.toml"
    file.write_text(shipped + channels)
    monkeypatch.setenv("BAGFILL_CONFIG", str(file))
    monkeypatch.setenv("BAGFILL_STATE", str(tmp_path))
    return DagBag(dag_folder=str(DAGS / "report_coverage.py"), bundle_name="dags-folder").dags["report_coverage"]


def state(report: Any) -> str:
    return str(report.test(run_conf={}).state)


def test_the_report_is_written_and_each_channel_is_told_once(
    report: Any, world: CampaignWorld, mailbox: Mailbox, slack: list[str], told: Any
) -> None:
    world.source.remove(f"{ODD}/v1/bagit.txt")
    world.run()
    assert not world.backfill(ODD).succeeded
    assert state(report) == "success"
    assert [name.rpartition("/")[2] for name in world.services().receipts.names("_reports/")][-1] == "report.json"

    [mail] = mailbox.mails
    assert mail["To"] == "archive@example.org, ada@example.org"
    assert "thing needs a person" in mail["Subject"]
    page = mail.get_body(("html",)).get_content()
    assert "source-incomplete" in page
    assert "x {{ 7*7 }} &lt;b&gt;&quot;x&quot;" in page
    assert "📦" in page
    [message] = told()
    assert "source-incomplete" in message["Message"]
    assert shlex.quote(ODD) in message["Message"]
    assert len(slack) == 1
    assert "&lt;b&gt;" in slack[0]

    assert state(report) == "success"
    assert (len(mailbox.mails), len(slack), told()) == (1, 1, [])


def test_a_channel_that_cannot_be_reached_is_told_later_and_holds_up_nobody(
    report: Any, mailbox: Mailbox, slack: list[str], told: Any
) -> None:
    mailbox.refusing = True
    assert state(report) == "failed"
    assert (mailbox.mails, len(slack), len(told())) == ([], 1, 1)
    mailbox.refusing = False
    assert state(report) == "success"
    assert (len(mailbox.mails), len(slack), told()) == (1, 1, [])


def test_nothing_is_sent_before_a_person_switches_it_on(report: Any) -> None:
    assert report.is_paused_upon_creation
