"""Pages of coverage and of one bag: what they show, to whom, and what goes wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import CampaignState
from bagfill.database.errors import DatabaseError
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import StatusUpdate
from bagfill.planning.budget import Caps
from bagfill.planning.order import Order
from bagfill.steps.import_location import import_location
from bagfill_airflow.views.figures import Figures
from bagfill_airflow.views.rendering import show_duration, show_share
from contracts.sample_manifests import sample_manifest
from http_api import BAG, Api
from world import bag_files

UI = "/bagfill/ui"
PAGE_OF_BAG = f"{UI}/bags/digitised/PP/MIA 1"
NASTY = "a\"b <script>alert(1)</script> 'c' & 📦 é?#z"


PAGES = (
    "coverage",
    "missing?location=azure",
    "campaigns",
    "campaigns/x",
    "needs",
    "failures/source-corrupt?destination=azure",
    "bags/digitised/PP/MIA 1",
    "runs/bag__x",
)
KNOWN_TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title link script body a header p nav form label input button main div h1 h2 small section "
        "table caption thead tbody tr th td br span code strong ul ol li time footer svg rect line polyline text "
        "select option dl dt dd",
    )
)
MARKED = "<script>alert(1)<"
SLASHLESS = NASTY.replace("/", "")


class PageText(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said += data


def fields(page: str) -> dict[str, str]:
    """What the page's form would send."""
    return {**dict(re.findall(r'name="(\w+)" value="([^"]*)"', page)), "destination": "azure"}


def press(client: TestClient, form: dict[str, str]) -> str:
    answer = client.post(f"{UI}/start", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_coverage_shows_each_space_at_each_location_and_leads_to_what_is_missing(api: Api) -> None:
    viewer = api.client("viewer")
    shown = viewer.get(f"{UI}/coverage")
    assert shown.status_code == 200
    assert "digitised" in shown.text
    assert "2 missing" in shown.text
    assert "0 of 2 bag versions" in shown.text
    assert f"{UI}/missing?location=azure&amp;space=digitised" in shown.text
    missing = viewer.get(f"{UI}/missing", params={"location": "azure", "space": "digitised"}).text
    assert "digitised/PP/MIA 1/v1" in missing
    assert "Nobody tried yet" in missing


def test_a_location_that_is_none_misses_nothing(api: Api) -> None:
    answer = api.client("viewer").get(f"{UI}/missing", params={"location": "moon"})
    assert answer.status_code == 404
    assert "“moon” is no configured location; there are azure, primary." in answer.text


def test_coverage_over_time_is_drawn_from_what_was_remembered_by_the_day(api: Api) -> None:
    assert "Over time" not in api.client("viewer").get(f"{UI}/coverage").text
    today = api.world.clock().date()
    for ago in (3, 2, 0):
        api.services.registry.note_coverage(today - timedelta(days=ago))
    api.mounted.state.figures = Figures()
    text = api.client("viewer").get(f"{UI}/coverage").text
    assert "Over time" in text
    assert f"azure: 0.0 % on {today}" in text


def test_a_part_is_never_shown_as_the_whole() -> None:
    assert show_share(999_999, 1_000_000) == "99.9 %"
    assert show_share(1, 1_000_000) == "< 0.1 %"
    assert (show_share(3, 3), show_share(0, 3), show_share(0, 0)) == ("100 %", "0.0 %", "–")


def test_durations_are_told_in_their_two_largest_units() -> None:
    told = [show_duration(timedelta(seconds=seconds)) for seconds in (0, 59, 60, 32_403, 90_000, 86_460, -5)]
    assert told == ["0 s", "59 s", "1 min", "9 h", "1 d 1 h", "1 d", "0 s"]


def test_what_is_missing_comes_in_pages_that_neither_repeat_nor_lose(api: Api) -> None:
    for number in range(120):
        bag = BagId.parse(f"digitised/b{number:04}")
        api.world.put(str(bag.version(1)), bag_files(bag, {"a": b"1"}))
    import_location(api.services, "primary")
    client, seen, url = api.client("viewer"), list[str](), f"{UI}/missing?location=azure&space=digitised"
    while url:
        text = client.get(url).text
        seen += re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a>', text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        url = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == 122


def test_why_something_is_missing_is_the_reason_of_its_newest_ingest(api: Api) -> None:
    form = fields(api.client("operator").get(PAGE_OF_BAG).text)
    press(api.client("operator", by_cookie=True), form)
    [first, _] = api.services.ingests.of_bag(BAG, "azure")[::-1]
    api.services.ingests.update(first.id, StatusUpdate(IngestStatus.FAILED, (), Reason.SOURCE_CORRUPT))
    text = api.client("viewer").get(f"{UI}/missing?location=azure").text
    assert "source-corrupt" in text
    assert escape(Reason.SOURCE_CORRUPT.advice) in text.replace("&#39;", "&#x27;")


def test_the_page_of_a_bag_shows_versions_locations_and_what_happened(api: Api) -> None:
    text = api.client("viewer").get(PAGE_OF_BAG).text
    assert "MIA 1" in text
    assert "v2" in text
    assert "learnt by import" in text
    assert 'data-kind="missing"' in text
    assert "/ui/start" not in text, "a viewer is offered nothing that would be refused"


def test_pressing_start_twice_starts_once_and_says_so(api: Api) -> None:
    operator = api.client("operator", by_cookie=True)
    form = fields(operator.get(PAGE_OF_BAG).text)
    assert "Started: v1, v2 to azure" in press(operator, form)
    assert "Started: v1, v2 to azure" in press(operator, form)
    again = press(operator, fields(operator.get(PAGE_OF_BAG).text))
    assert "on its way to azure already" in again
    assert len(api.runs.started) == 1
    assert len(api.services.ingests.of_bag(BAG, "azure")) == 2


def test_the_page_of_a_bag_leads_to_its_runs_and_the_run_back_to_the_bag(api: Api) -> None:
    operator = api.client("operator", by_cookie=True)
    press(operator, fields(operator.get(PAGE_OF_BAG).text))
    [run_id] = api.runs.started
    assert f'href="/dags/backfill_bag/runs/{run_id}"' in operator.get(PAGE_OF_BAG).text
    assert "MIA 1" in operator.get(f"{UI}/runs/{run_id}").text
    assert "No bag belongs to this run" in operator.get(f"{UI}/runs/manual__1").text


@pytest.mark.parametrize("path", [*PAGES, "bags?name=a/b"])
def test_nobody_looks_without_a_login_and_the_page_says_so(api: Api, path: str) -> None:
    anonymous = api.client().get(f"{UI}/{path}")
    assert anonymous.status_code == 401
    assert "not logged in" in anonymous.text
    assert "/auth/login" in anonymous.text
    assert api.client("stranger").get(f"{UI}/{path}").status_code == 403


def test_a_viewer_may_not_start_and_another_site_may_not_have_it_started(api: Api) -> None:
    form = fields(api.client("operator").get(PAGE_OF_BAG).text)
    same = {"Sec-Fetch-Site": "same-origin"}
    assert api.client("viewer", by_cookie=True).post(f"{UI}/start", data=form, headers=same).status_code == 403
    operator = api.client("operator", by_cookie=True)
    for foreign in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example.org"}):
        assert operator.post(f"{UI}/start", data=form, headers=foreign).status_code == 403
    assert not api.runs.started


@pytest.fixture
def nasty(api: Api) -> BagId:
    """A bag, its history and a campaign, with markup wherever a person or another system may write."""
    bag = BagId.parse(f"digitised/{NASTY}", stored=True)
    api.services.registry.add_bag_version(sample_manifest(bag.version(1)), locations=["primary"])
    now = api.world.clock()
    told = (IngestEvent.of(f"Copying {NASTY} failed", now),)
    ingest = Ingest(
        uuid4(), bag.version(1), "primary", "azure", IngestStatus.FAILED, now, f"bag__{NASTY}", told, campaign="odd"
    )
    api.services.ingests.open(replace(ingest, reason=Reason.NAME_REFUSED))
    scope, urgent = Scope(spaces=(SLASHLESS,), prefix=NASTY), {f"digitised/{NASTY}": 7, NASTY: 6}
    definition = Definition(scope, "azure", order=Order.PRIORITY, priorities=urgent)
    made = api.services.campaigns.create(Campaign("odd", definition, Caps(), now), who=NASTY)
    assert isinstance(made, Campaign)
    api.services.campaigns.move(made, CampaignState.RUNNING, who=NASTY, why=NASTY)
    return bag


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("coverage", False),
        ("missing?location=azure", True),
        (f"missing?location={quote(NASTY)}&space={quote(NASTY)}", True),
        ("campaigns", True),
        ("campaigns/odd", True),
        (f"campaigns/{quote(SLASHLESS)}", True),
        ("needs", True),
        ("failures/name-refused?destination=azure", True),
        (f"failures/name-refused?destination={quote(NASTY)}", True),
        (f"failures/{quote(SLASHLESS)}?destination=azure", True),
        (f"bags/digitised/{quote(NASTY)}", True),
        (f"bags/{quote(SLASHLESS)}/none", True),
        (f"bags?name={quote(SLASHLESS)}", True),
        (f"runs/{quote('bag__' + NASTY)}", True),
        (f"nothing/{quote(NASTY)}", True),
    ],
)
def test_names_with_html_quotes_and_emoji_are_text_on_every_page(
    api: Api, nasty: BagId, path: str, shows: bool
) -> None:
    text = api.client("operator", by_cookie=True).get(f"{UI}/{path}").text
    assert text.count("<script") == 1, "the page's own"
    page = PageText()
    page.feed(text)
    assert page.tags <= KNOWN_TAGS
    assert (MARKED in page.said) is shows
    # No quote ended an attribute: nothing is left over that nobody gave a name.
    assert not {name for name in page.attributes if not re.fullmatch(r"[a-zA-Z-]+[12]?", name)}


def test_what_buttons_say_of_odd_names_is_text(api: Api, nasty: BagId) -> None:
    operator = api.client("operator", by_cookie=True)
    forms = {
        "needs/release": {"reason": NASTY, "destination": "azure"},
        "start": {"space": "digitised", "identifier": NASTY, "destination": NASTY, "key": NASTY},
        f"campaigns/odd/{quote(SLASHLESS)}": {"revision": NASTY},
        "campaigns/odd/pause": {"revision": NASTY, "why": NASTY},
    }
    for path, form in forms.items():
        text = operator.post(f"{UI}/{path}", data=form, headers={"Sec-Fetch-Site": "same-origin"}).text
        page = PageText()
        page.feed(text)
        assert page.tags <= KNOWN_TAGS
        assert MARKED in page.said, path


def test_a_bag_is_found_by_a_name_with_every_kind_of_character(api: Api, nasty: BagId) -> None:
    client = api.client("viewer")
    found = client.get(f"{UI}/bags", params={"name": str(nasty)}, follow_redirects=False)
    assert found.status_code == 303
    assert client.get(found.headers["Location"]).status_code == 200


def test_a_registry_that_does_not_answer_is_said_on_the_page_and_airflow_goes_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise DatabaseError("connection refused to 10.0.0.7 as bagfill", retryable=True)

    away = Broken()
    api.services = replace(
        api.services, registry=away, ingests=away, campaigns=away, thaws=away, releases=away, request_keys=away
    )
    operator = api.client("operator", by_cookie=True)
    same = {"Sec-Fetch-Site": "same-origin"}
    bag = {"space": "digitised", "identifier": "PP/MIA 1", "destination": "azure", "key": "k"}
    failure = {"reason": "source-corrupt", "destination": "azure"}
    answers = [operator.get(f"{UI}/{path}") for path in PAGES]
    answers += [
        operator.post(f"{UI}/start", data=bag, headers=same),
        operator.post(f"{UI}/needs/release", data=failure, headers=same),
        operator.post(f"{UI}/campaigns/x/pause", data={"revision": "1"}, headers=same),
    ]
    for answer in answers:
        assert answer.status_code == 503, answer.url
        assert "database does not answer" in answer.text
        assert "10.0.0.7" not in answer.text


def test_pages_allow_nothing_from_elsewhere_and_nothing_inline(api: Api) -> None:
    answer = api.client("operator").get(PAGE_OF_BAG)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|<style|https?://", answer.text.split("<body>")[1])
    assert answer.headers["Cache-Control"] == "no-store"
    for name in ("pages.css", "pages.js"):
        assert api.client().get(f"{UI}/static/{name}").status_code == 200
    assert api.client().get(f"{UI}/static/..%2Frendering.py").status_code == 404
