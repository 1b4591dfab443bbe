"""The whole system: scheduler, triggerer, PostgreSQL, S3 with archive classes, Azure Blob storage; started by REST."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, inspect, text

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Definition, Scope
from bagfill.campaigns.states import CampaignState
from bagfill.demo.airflow_api import ApiRefused
from bagfill.demo.service_run import fill_service, judge_service, learn_service, sweep_service
from bagfill.demo.service_scene import service_settings
from bagfill.demo.storage_service.comparison import ServiceState
from bagfill.demo.storage_service.server import StorageServiceServer
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.logs import Line
from bagfill.planning.budget import Caps
from bagfill.settings import load_settings
from bagfill.steps.campaigns import create_campaign, known_campaign, start_campaign
from bagfill.steps.services import CampaignRules
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services
from system_place import BAD, BY_CAMPAIGN, BY_HTTP, CANCELLED, FILM, FILM_BYTES, GLACIER, OTHER_BYTES, SWEPT, TAPE
from whole_system import System

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "start-by-rest.md"

pytestmark = [pytest.mark.e2e, pytest.mark.servers, pytest.mark.airflow, pytest.mark.timeout(900)]


def events(ingest: Ingest) -> str:
    return "\n".join(event.description for event in ingest.events)


def test_a_glacier_bag_arrives_without_a_worker_waiting(system: System) -> None:
    with system.stack.ministack.stopped_clock():
        run_id = system.start(GLACIER)
        system.until(run_id, "thaw.wait", "deferred")
    system.ends(run_id, "success")

    ingest = system.ingest(GLACIER)
    assert ingest.status is IngestStatus.SUCCEEDED
    assert "2 archived files" in events(ingest)
    bag_version = BagId.parse(GLACIER).version(1)
    [sample] = [sample for sample in system.samples if sample.id == bag_version]
    assert system.objects(bag_version) == {item.path: item.content.size for item in sample.objects}
    assert system.is_registered(bag_version)
    counts = system.api.xcom("backfill_bag", run_id, "thaw.request")
    assert (counts["total"], counts["asked"]) == (2, 2)


def test_a_copy_that_is_killed_is_finished_by_its_retry(system: System) -> None:
    run_id = system.start(FILM)
    running = system.until(run_id, "copy", "running")
    noted, work = f"{system.ingest(FILM).id}/", system.services.work
    # Blocks are being written from when the staged write is noted in the work area.
    system.eventually(lambda: any("/staging/" in name for name in work.names(noted)), "blocks are written", 0.02)
    os.kill(running["pid"], signal.SIGKILL)

    system.ends(run_id, "success")
    assert system.task(run_id, "copy")["try_number"] == 2
    assert system.ingest(FILM).status is IngestStatus.SUCCEEDED
    assert system.objects(BagId.parse(FILM).version(1))["data/film.mxf"] == FILM_BYTES


def test_a_wait_goes_on_after_its_triggerer_was_killed(system: System) -> None:
    supervisor = system.stack.supervisor
    with system.stack.ministack.stopped_clock():
        run_id = system.start(TAPE)
        system.until(run_id, "thaw.wait", "deferred")
        before = supervisor.restarts("triggerer")
        os.kill(supervisor.pid("triggerer"), signal.SIGKILL)
        system.eventually(lambda: supervisor.restarts("triggerer") > before, "another triggerer starts")

    system.ends(run_id, "success")
    assert system.ingest(TAPE).status is IngestStatus.SUCCEEDED
    assert system.is_registered(BagId.parse(TAPE).version(1))


def test_a_run_that_is_marked_failed_still_closes_its_ingest(system: System) -> None:
    with system.stack.ministack.stopped_clock():
        run_id = system.start(CANCELLED)
        system.until(run_id, "thaw.wait", "deferred")
        path = f"/api/v2/dags/backfill_bag/dagRuns/{run_id}"
        system.api.request("PATCH", path, params={"update_mask": "state"}, json={"state": "failed"})

    system.until(run_id, "close_ingest", "failed", "success")
    system.ends(run_id, "failed")
    ingest = system.ingest(CANCELLED)
    assert (ingest.status, ingest.reason) == (IngestStatus.FAILED, Reason.INTERRUPTED)
    claim = system.services.registry.claim_of(ingest.bag_version, "azure")
    assert claim is None or claim.expires <= system.services.clock()
    assert not system.is_registered(ingest.bag_version)


def test_a_request_that_does_not_fit_the_form_starts_no_run(system: System) -> None:
    before = len(system.api.runs("backfill_bag"))
    for conf in ({"destination": "nowhere"}, {"version": "2"}, {"thaw_tier": "Fast"}, {"thaw_days": 0}):
        with pytest.raises(ApiRefused) as refused:
            system.start(GLACIER, **conf)
        assert refused.value.status == 400
        assert next(iter(conf)) in str(refused.value.detail)
    assert len(system.api.runs("backfill_bag")) == before


def test_a_request_with_an_unknown_field_opens_nothing(system: System) -> None:
    run_id = system.passive["unknown field"]

    system.ends(run_id, "failed")
    assert not system.services.ingests.of_request(run_id)
    assert system.task(run_id, "open_ingest")["try_number"] == 1
    path = f"/api/v2/dags/backfill_bag/dagRuns/{run_id}/taskInstances/open_ingest/logs/1"
    log = system.api.request("GET", path, params={"full_content": True}, headers={"Accept": "application/json"})
    assert "'sapce': unknown field" in str(log).replace("\\", "")


def test_a_run_id_is_a_request_once(system: System) -> None:
    with pytest.raises(ApiRefused) as refused:
        system.start(GLACIER, system.passive["other bytes"])
    assert refused.value.status == 409


def test_another_system_asks_by_the_storage_services_json_and_follows_the_ingest(system: System) -> None:
    space, _, identifier = BY_HTTP.partition("/")
    wanted = {
        "ingestType": {"id": "replicate", "type": "IngestType"},
        "space": {"id": space, "type": "Space"},
        "bag": {"info": {"externalIdentifier": identifier, "type": "BagInfo"}, "type": "Bag"},
        "destination": "azure",
    }
    airflow = system.stack.airflow
    with httpx.Client(base_url=airflow.address, trust_env=False, timeout=30) as client:
        assert client.post("/bagfill/ingests", json=wanted).status_code == 401
        assert client.get("/bagfill/coverage").status_code == 401
        login = {"username": airflow.viewer, "password": airflow.viewer_password}
        viewer = {"Authorization": f"Bearer {client.post('/auth/token', json=login).json()['access_token']}"}
        assert client.post("/bagfill/ingests", json=wanted, headers=viewer).status_code == 403
        operator = {"Authorization": f"Bearer {system.api.token()}", "Idempotency-Key": "from-another-system"}
        answers = [client.post("/bagfill/ingests", json=wanted, headers=operator) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
        where = answers[0].headers["Location"]
        assert where == answers[1].headers["Location"]

        def has_ended() -> bool:
            return client.get(where, headers=viewer).json()["status"]["id"] not in {"accepted", "processing"}

        system.eventually(has_ended, f"{where} has ended", 0.2)
        ingest = client.get(where, headers=viewer).json()
        assert ingest["status"]["id"] == "succeeded", ingest
        assert ingest["events"][-1]["description"] == "Register succeeded (completed)"
        there = client.post("/bagfill/ingests", json=wanted, headers={**operator, "Idempotency-Key": "again"})
        assert there.status_code == 409
        replica = client.get(there.json()["related"]["href"], headers=viewer).json()
        assert [location["provider"]["id"] for location in replica["replicaLocations"]] == ["azure-blob-storage"]
        # As a browser has it: the cookie reads, and starts nothing on behalf of another site.
        client.cookies.set("_token", operator["Authorization"].removeprefix("Bearer "))
        assert client.get("/bagfill/ingests?destination=azure").status_code == 200
        evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert client.post("/bagfill/ingests", json=wanted, headers=evil).status_code == 403
    assert system.is_registered(BagId.parse(BY_HTTP).version(1))


def test_campaigns_are_approved_by_a_person_in_airflow_or_elsewhere(system: System) -> None:
    names = ("approved", "rejected", "elsewhere")
    for name in names:
        ask(system, name)
    system.unpause("carry_campaigns")
    system.api.trigger("carry_campaigns")
    questions = {name: f"campaign__{name}__r1" for name in names}
    details = {name: system.question(run_id) for name, run_id in questions.items()}
    assert details["approved"]["subject"] == "Approve of campaign approved?"
    assert "1 bag versions" in details["approved"]["body"]
    assert "| transfer-out |" in details["approved"]["body"]
    assert not system.services.ingests.of_bag(BagId.parse(BY_CAMPAIGN), "azure")

    # An answer that comes before Airflow's scheduler has noticed that the task waits can make it take the task for a
    # dead one, and begin another try. Nobody is asked again: that try finds the answer.
    # Meanwhile somebody answers by HTTP: nobody is to be asked any longer.
    path = "/bagfill/campaigns/elsewhere/judgements/reject"
    assert system.api.request("POST", path, json={"why": "too dear"})["state"] == "draft"
    system.answer(questions["approved"], "Approve")
    system.answer(questions["rejected"], "Reject")
    for run_id in questions.values():
        assert system.api.wait_for_run("approve_campaign", run_id, within=240) == "success"
    states = {name: known_campaign(system.services, name).state for name in names}
    assert states == {
        "approved": CampaignState.RUNNING,
        "rejected": CampaignState.DRAFT,
        "elsewhere": CampaignState.DRAFT,
    }
    events = {name: system.services.campaigns.events(name)[-1] for name in names}
    assert {event.who for event in events.values()} == {system.stack.airflow.user}
    assert "answered in Airflow" in events["approved"].what
    assert "too dear" in events["elsewhere"].what
    assert system.api.xcom("approve_campaign", questions["elsewhere"], "approve")["state"] == "draft"

    assert system.api.wait_for_run("carry_campaigns", system.api.trigger("carry_campaigns"), within=240) == "success"
    deadline = time.monotonic() + 240
    while not system.is_registered(BagId.parse(BY_CAMPAIGN).version(1)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    [ingest] = system.services.ingests.of_campaign("approved")
    assert str(ingest.bag_version.bag) == BY_CAMPAIGN


def ask(system: System, name: str) -> None:
    """A campaign of one bag that waits for approval."""
    services = replace(system.services, campaign_rules=CampaignRules(approval_above=Decimal(-1)))
    what = Definition(Scope(bags=(BY_CAMPAIGN,)), "azure", unknown_prices=True)
    create_campaign(services, name, what, Caps(), who="ada")
    assert start_campaign(services, name, who="ada").campaign.state is CampaignState.AWAITING_APPROVAL


def test_the_commands_of_the_howto_work(system: System) -> None:
    [commands] = re.findall(r"^```sh\n(.*?)^```$", HOWTO.read_text(), re.DOTALL | re.MULTILINE)
    space, _, identifier = GLACIER.partition("/")
    airflow = system.stack.airflow
    given = {
        "AIRFLOW": airflow.address,
        "AIRFLOW_USER": airflow.user,
        "AIRFLOW_PASSWORD": airflow.password,
        "SPACE": space,
        "EXTERNAL_IDENTIFIER": identifier,
        "DESTINATION": "azure",
        "RUN_ID": "bag__howto",
        "PATH": os.environ["PATH"],
        "no_proxy": "*",
    }
    done = subprocess.run(["sh", "-euc", commands], env=given, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # The bag is there by now, so the run has nothing to do.
    assert done.stdout.splitlines()[-1] == "success"
    assert system.task("bag__howto", "plan_replication")["state"] == "skipped"


def test_two_sweeps_at_once_replicate_each_bag_once_though_its_parcel_is_killed_and_bad_bags_end_with_their_reason(
    system: System,
) -> None:
    swept = sorted({sample.id.bag for sample in system.samples if str(sample.id.space) == SWEPT})
    other_bytes = system.passive["other bytes"]
    sweeps: list[str] = []
    system.unpause("sweep_unbackfilled_bags")

    def sweep() -> None:
        with system.stack.airflow.api() as api:
            sweeps.append(api.trigger("sweep_unbackfilled_bags", {"space": SWEPT, "limit": 50}))

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run_id in sweeps:
        system.ends(run_id, "success", "sweep_unbackfilled_bags")
    counts = [system.api.xcom("sweep_unbackfilled_bags", run_id, "sweep") for run_id in sweeps]
    assert sum(each["bags"] for each in counts) == len(swept), counts

    [parcels] = [run["dag_run_id"] for run in system.api.runs("backfill_parcels")]
    killed = _kill_a_parcel(system, parcels)
    # Bad bags fail their parcel, and so the run; the good ones beside them are registered.
    system.ends(parcels, "failed", "backfill_parcels")
    [parcel] = [t for t in system.api.task_instances("backfill_parcels", parcels) if t["task_id"] == "parcel"]
    bad = {sample.id.bag for sample in system.samples if str(sample.id.space) == SWEPT and sample.expected}
    assert parcel["rendered_map_index"] == f"parcel 1: {len(swept) - len(bad)} of {len(swept)} bags"
    assert parcel["try_number"] == (2 if killed else 1)
    system.ends(other_bytes, "failed")

    for sample in system.samples:
        if str(sample.id.space) != SWEPT and str(sample.id.bag) != OTHER_BYTES:
            continue
        ingest = system.ingest(str(sample.id.bag))
        assert ingest.reason is sample.expected, sample.id
        assert system.is_registered(sample.id) == (sample.expected is None), sample.id
        if sample.expected is None:
            assert ingest.status is IngestStatus.SUCCEEDED
            continue
        assert ingest.status is IngestStatus.FAILED
        assert BAD[str(sample.id.bag)] in events(ingest)


def _kill_a_parcel(system: System, run_id: str) -> bool:
    """Kill the first try of the parcel as soon as it has opened an ingest; whether it was met while it ran."""

    def has_begun() -> bool:
        return any(each.request_id.startswith("bag__") and "@" in each.request_id for each in _recent(system))

    system.eventually(has_begun, "a parcel opens an ingest", 0.02)
    tasks = system.api.task_instances("backfill_parcels", run_id)
    [running] = [task for task in tasks if task["task_id"] == "parcel"]
    if running["state"] != "running":
        return False
    try:
        os.kill(running["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _recent(system: System) -> list[Ingest]:
    return list(system.services.ingests.recent(20))


def test_every_line_of_ours_in_a_runs_logs_says_which_bag_and_ingest_it_is_about(system: System) -> None:
    """After everything above: copies, thaws, failures, kills."""
    told: dict[str, list[dict[str, Any]]] = {}
    named = {line.text for line in Line}
    for path in system.stack.work_dir.rglob("dag_id=backfill_bag/**/*.log"):
        for said in path.read_text(errors="replace").splitlines():
            line = json.loads(said) if said.startswith("{") else {}
            if str(line.get("logger", "")).startswith("bagfill.") or line.get("event") in named:
                assert line.keys() >= {"bag", "destination"}, (path, line)
                told.setdefault(line.get("ingest", ""), []).append(line)
    # Where nothing is opened, there is no ingest to name.
    assert {line["event"] for line in told.pop("", [])} <= {Line.ALREADY_THERE.text}
    done = system.ingest(GLACIER)
    lines = told[str(done.id)]
    assert {(line["bag"], line["version"]) for line in lines} == {(GLACIER, str(done.bag_version.version))}
    events = [line["event"] for line in lines]
    # The triggerer's as well, which waited.
    for decision in (Line.INGEST_OPENED, Line.PLANNED, Line.THAW_ASKED, Line.THAW_LOOKED_AT, Line.REGISTERED):
        assert decision.text in events, decision
    assert events.count(Line.INGEST_ENDED.text) == 1
    [planned] = [line for line in lines if line["event"] == Line.PLANNED.text]
    for kind, shards in ((Line.SHARD_COPIED, "copy_shards"), (Line.SHARD_VERIFIED, "verify_shards")):
        assert [line["shard"] for line in lines if line["event"] == kind.text] == list(range(1, planned[shards] + 1))
    failed = told[str(system.ingest(OTHER_BYTES).id)]
    assert "other-bytes-at-destination" in {line.get("reason") for line in failed}


def test_no_secret_stands_in_any_log_table_record_or_page(system: System) -> None:
    """After everything above: copies, thaws, failures, kills, sweeps, HTTP."""
    stack, services = system.stack, system.services
    secrets = (stack.ministack.secret_key, stack.azurite.account_key, "X-Amz-Signature=", "&sig=", "AccountKey=")
    found: list[str] = []

    def look(place: str, said: str) -> None:
        found.extend(f"{place}: {secret[:12]}" for secret in secrets if secret in said)

    files = [path for path in stack.work_dir.rglob("*") if path.is_file()]
    logs = [path for path in files if path.suffix == ".log" or "logs" in path.parts]
    assert any("backfill_bag" in str(path) for path in logs)
    for path in logs:
        look(str(path), path.read_text(errors="replace"))
    for database in ("airflow", "registry"):
        engine = create_engine(stack.postgresql.url_of(database))
        tables = inspect(engine).get_table_names()
        assert tables
        with engine.connect() as connection:
            for table in tables:
                for row in connection.execute(text(f'SELECT row_to_json(t)::text FROM "{table}" t')):
                    look(f"{database}.{table}", str(row[0]))
        engine.dispose()
    for records in (services.work, services.receipts):
        for name in records.names(""):
            look(f"{records.location}/{name}", (records.read_bytes(name) or b"").decode(errors="replace"))
    pages = ("ingests", "coverage", "campaigns", "failures", "openapi.json", f"bags/{BY_HTTP}")
    token = {"Authorization": f"Bearer {system.api.token()}"}
    with httpx.Client(base_url=stack.airflow.address, headers=token, trust_env=False) as client:
        for page in pages:
            answer = client.get(f"/bagfill/{page}")
            assert answer.status_code == 200, page
            look(page, answer.text)
        look("runs", json.dumps(client.get("/api/v2/dags/~/dagRuns").json()))
    assert found == []


class Told:
    """What is printed is shown when the test fails."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.counts: set[str] = set()

    def step(self, text: str) -> None:
        print(f"{time.monotonic() - self.begun:.1f} s: {text}")  # noqa: T201

    def counted(self, what: str, done: int, total: int) -> None:
        count = f"{done} of {total} {what}"
        if done % 50 == 0 and count not in self.counts:
            self.counts.add(count)
            self.step(count)


def test_bags_of_a_storage_service_gain_a_location_and_it_shows_their_ingests(system: System, tmp_path: Path) -> None:
    """Meanwhile the settings are those of an installation beside a service."""
    told, file = Told(), Path(system.environment["BAGFILL_CONFIG"])
    kept = file.read_text()
    setting = ServiceSetting(system.stack.ministack.endpoint, "e2e", ingest_types=("create", "update", "replicate"))
    with StorageServiceServer(tmp_path, setting) as service:
        database = system.stack.postgresql.create_database("beside")
        text = service_settings(service, parcel_bags=100).replace("${BAGFILL_DATABASE}", database)
        file.write_text(text)
        settings = load_settings(environ=system.environment)
        with open_services(settings, EnvironmentCredentials(system.environment)) as services:
            bags = fill_service(service, 200, told)
            before = ServiceState.read(setting)
            learn_service(services, 200, told)
            sweep_service(system.api, services, bags, told)
            problems, shown = judge_service(services, service, before)
            told.step("judged")
    file.write_text(kept)
    assert problems == ()
    assert [(bag.status, bag.locations) for bag in shown] == [("succeeded", 3)] * 200
