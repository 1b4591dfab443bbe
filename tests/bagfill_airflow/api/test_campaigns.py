"""Campaigns and failures by HTTP: declared, started, approved, steered, and what nobody may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

import http_api
from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps, DayHours
from bagfill.steps.services import CampaignRules
from http_api import BAG, Api

NEW = {"name": "to-azure", "destination": "azure", "unknown_prices": True}
URL = "/bagfill/campaigns"


@pytest.fixture
def api(tokens: dict[str, str]) -> Api:
    return http_api.make_api(tokens)


@pytest.fixture
def operator(api: Api) -> TestClient:
    return api.client("operator")


def declare(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post(URL, json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_campaign_is_declared_found_and_told_in_full(api: Api, operator: TestClient) -> None:
    deadline = (api.world.clock() + timedelta(days=30)).isoformat()
    caps = {"money": "99.50", "bytes_a_day": 10**12, "hours": "22-6", "runs_at_once": 5}
    answer = operator.post(
        URL,
        json={**NEW, "scope": {"bags": [str(BAG)]}, "thaw_tier": "Bulk", "deadline": deadline, "caps": caps},
    )
    assert answer.status_code == 201
    assert answer.headers["Location"] == "http://airflow.example.org/bagfill/campaigns/to-azure"
    assert answer.json()["state"] == "draft"
    kept = api.services.campaigns.get("to-azure")
    assert kept is not None
    assert kept.caps == Caps(money=Decimal("99.50"), bytes_a_day=10**12, hours=DayHours(22, 6), runs_at_once=5)
    assert kept.definition.scope.bags == (str(BAG),)
    told = api.client("viewer").get(f"{URL}/to-azure").json()
    assert told["caps"]["money"] == "99.50"
    assert [event["who"] for event in told["history"]] == ["operator"]
    listed = operator.get(URL, params={"state": "draft"}).json()["results"]
    assert [each["name"] for each in listed] == ["to-azure"]
    assert operator.get(URL, params={"state": "running"}).json()["results"] == []


def test_declaring_the_same_again_is_no_error_and_another_of_the_name_is(operator: TestClient) -> None:
    assert declare(operator) == declare(operator)
    other = operator.post(URL, json={**NEW, "thaw_days": 3})
    assert other.status_code == 409
    assert "another campaign named to-azure" in other.json()["description"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "To Azure"}, ".name"),
        ({"caps": {"money": "12,50"}}, ".caps.money"),
        ({"caps": {"money": 12.5}}, ".caps.money"),
        ({"caps": {"hours": "6-6"}}, ".caps.hours"),
        ({"caps": {"bytes_a_day": -1}}, ".caps.bytes_a_day"),
        ({"thaw_tier": "Quick"}, ".thaw_tier"),
        ({"deadline": "2030-01-01T00:00:00"}, ".deadline"),
        ({"currency": "usd"}, ".currency"),
        ({"order": "random"}, ".order"),
        ({"bugdet": 5}, ".bugdet"),
        ({"scope": {"bags": ["a/b", 7]}}, ".scope.bags[1]"),
    ],
)
def test_faults_are_told_with_their_place_and_nothing_is_kept(
    api: Api, operator: TestClient, wrong: dict[str, Any], told: str
) -> None:
    answer = operator.post(URL, json={**NEW, **wrong})
    assert answer.status_code == 400
    assert told in answer.json()["description"]
    assert list(api.services.campaigns.all()) == []


@pytest.mark.parametrize(
    "impossible",
    [
        {"destination": "nowhere"},
        {"source": "azure"},
        {"scope": {"bags": ["digitised/unknown"]}},
        {"deadline": "2001-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_done_here_and_now_is_a_conflict_and_nothing_is_kept(
    api: Api, operator: TestClient, impossible: dict[str, Any]
) -> None:
    assert operator.post(URL, json={**NEW, **impossible}).status_code == 409
    assert list(api.services.campaigns.all()) == []


def test_it_is_steered_from_start_to_end_and_doing_it_twice_changes_nothing(api: Api, operator: TestClient) -> None:
    declare(operator)
    states = []
    for act in ("start", "start", "pause", "pause", "resume", "drain", "cancel", "cancel"):
        answer = operator.post(f"{URL}/to-azure/{act}", json={"why": f"for {act}"})
        assert answer.status_code == 200, answer.text
        states.append(answer.json()["state"])
    assert states == ["running", "running", "paused", "paused", "running", "draining", "cancelled", "cancelled"]
    history = [event.what for event in api.services.campaigns.events("to-azure")]
    assert sum("for pause" in what for what in history) == 1
    plan = operator.get(f"{URL}/to-azure/plan").json()
    assert (plan["bag_versions"], plan["tier"]) == (2, "Bulk")
    resumed = operator.post(f"{URL}/to-azure/resume", json={})
    assert resumed.status_code == 409
    assert "cancelled" in resumed.json()["description"]


def test_a_plan_above_the_amount_waits_for_a_person(api: Api, operator: TestClient) -> None:
    api.services = replace(api.services, campaign_rules=CampaignRules(approval_above=Decimal(0)))
    declare(operator)
    assert operator.post(f"{URL}/to-azure/start", json={}).json()["state"] == "awaiting approval"
    assert operator.post(f"{URL}/to-azure/start", json={}).json()["state"] == "awaiting approval"
    rejected = operator.post(f"{URL}/to-azure/judgements/reject", json={"why": "too dear"})
    assert (rejected.json()["state"], rejected.json()["why"]) == ("draft", "too dear")
    assert operator.post(f"{URL}/to-azure/judgements/approve", json={}).status_code == 409
    operator.post(f"{URL}/to-azure/start", json={})
    assert operator.post(f"{URL}/to-azure/judgements/approve", json={}).json()["state"] == "running"


def test_caps_that_are_given_change_and_the_others_stay(operator: TestClient) -> None:
    declare(operator, caps={"money": "10", "hours": "22-6"})
    changed = operator.patch(f"{URL}/to-azure/caps", json={"money": "20", "hours": None})
    assert changed.status_code == 200
    assert (changed.json()["caps"]["money"], changed.json()["caps"]["hours"]) == ("20", None)
    assert operator.patch(f"{URL}/to-azure/caps", json={"runs_at_once": 3}).json()["caps"]["money"] == "20"


@pytest.mark.parametrize("method", ["get", "post", "patch"])
def test_a_campaign_that_is_not_there_is_not_found(operator: TestClient, method: str) -> None:
    path = {"get": "/none", "post": "/none/pause", "patch": "/none/caps"}[method]
    body = {} if method == "get" else {"json": {}}
    assert getattr(operator, method)(URL + path, **body).status_code == 404
    assert operator.get(f"{URL}/none/plan").status_code == 404


CHANGES = [
    ("post", URL, NEW),
    ("post", f"{URL}/to-azure/pause", {}),
    ("post", f"{URL}/to-azure/judgements/approve", {}),
    ("patch", f"{URL}/to-azure/caps", {"money": "1"}),
    ("post", "/bagfill/failures/release", {"destination": "azure", "bag": str(BAG)}),
]


@pytest.mark.parametrize(("method", "url", "body"), CHANGES)
@pytest.mark.parametrize(("role", "status"), [(None, 401), ("stranger", 403), ("viewer", 403)])
def test_who_may_not_start_bags_changes_nothing(
    api: Api, method: str, url: str, body: dict[str, Any], role: str | None, status: int
) -> None:
    declare(api.client("operator"))
    api.client("operator").post(f"{URL}/to-azure/start", json={})
    assert api.client(role).request(method, url, json=body).status_code == status
    kept = api.services.campaigns.get("to-azure")
    assert kept is not None
    assert (kept.state, kept.caps) == (CampaignState.RUNNING, Caps())
    assert list(api.services.releases.all()) == []


@pytest.mark.parametrize(("method", "url", "body"), CHANGES)
def test_a_request_that_another_site_made_a_browser_send_changes_nothing(
    api: Api, method: str, url: str, body: dict[str, Any]
) -> None:
    declare(api.client("operator"))
    browser = api.client("operator", by_cookie=True)
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.request(method, url, json=body, headers=evil).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin"}
    assert browser.request(method, url, json=body, headers=own).status_code in {200, 201, 409}


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("stranger", 403), ("viewer", 200)])
@pytest.mark.parametrize("url", [URL, f"{URL}/to-azure", "/bagfill/failures"])
def test_who_may_read_the_dag_may_look(api: Api, url: str, role: str | None, status: int) -> None:
    declare(api.client("operator"))
    assert api.client(role).get(url).status_code == status
