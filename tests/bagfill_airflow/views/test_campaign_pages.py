"""Pages of campaigns and of what needs a person: figures, buttons, two people at once, a million failures."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import CampaignState
from bagfill.database.errors import DatabaseError
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps
from bagfill.planning.order import Order
from bagfill.reports.standing import FailureLine
from bagfill.steps.campaigns import create_campaign, start_campaign
from bagfill.steps.needs import Needs
from bagfill.steps.services import CampaignRules, Services
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import ThawTerms, ThawWant
from bagfill_airflow.views.figures import Figures
from bagfill_airflow.views.kept import Kept
from http_api import BAG, Api

UI = "/bagfill/ui"
PAGE = f"{UI}/campaigns/to-azure"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def campaign(api: Api) -> Campaign:
    definition = Definition(Scope(), "azure", unknown_prices=True)
    made = Campaign("to-azure", definition, Caps(money=Decimal(500)), api.world.clock())
    kept = api.services.campaigns.create(made, who="operator")
    assert isinstance(kept, Campaign)
    return kept


def revision(page: str) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page)
    assert found is not None
    return found[1]


def press(client: TestClient, act: str, shown: str, *, where: str = PAGE) -> str:
    answer = client.post(f"{where}/{act}", data={"revision": revision(shown)}, headers=SAME)
    assert answer.status_code == 200, answer.text
    return answer.text


def buttons(page: str) -> set[str]:
    return set(re.findall(r"/campaigns/to-azure/(\w+)", page))


def failed(api: Api, reason: Reason, number: int = 1) -> Ingest:
    about = BAG.version(number)
    ingest = Ingest(uuid4(), about, "primary", "azure", IngestStatus.FAILED, api.world.clock(), "bag__1", reason=reason)
    api.services.ingests.open(ingest)
    return ingest


def test_a_campaign_is_steered_by_its_buttons(api: Api, campaign: Campaign) -> None:
    operator = api.client("operator", by_cookie=True)
    page = operator.get(PAGE).text
    assert buttons(page) == {"start", "cancel"}
    page = press(operator, "start", page)
    assert "to-azure is started" in page
    assert buttons(page) == {"pause", "drain", "cancel"}
    page = press(operator, "pause", page)
    assert buttons(page) == {"resume", "drain", "cancel"}
    page = press(operator, "cancel", press(operator, "drain", press(operator, "resume", page)))
    assert not buttons(page)
    kept = api.services.campaigns.get("to-azure")
    assert kept is not None
    assert kept.state is CampaignState.CANCELLED


def test_the_list_shows_what_a_button_did_at_once(api: Api, campaign: Campaign) -> None:
    operator = api.client("operator", by_cookie=True)
    assert 'data-kind="draft"' in operator.get(f"{UI}/campaigns").text
    press(operator, "cancel", operator.get(PAGE).text)
    assert 'data-kind="cancelled"' in operator.get(f"{UI}/campaigns").text


def test_the_second_press_of_a_button_changes_nothing_and_says_so(api: Api, campaign: Campaign) -> None:
    operator = api.client("operator", by_cookie=True)
    shown = operator.get(PAGE).text
    press(operator, "start", shown)
    assert "is running already: it was changed by operator" in press(operator, "start", shown)
    history = [event.what for event in api.services.campaigns.events("to-azure")]
    assert sum("running" in what for what in history) == 1


def test_of_two_who_pause_and_resume_at_once_the_second_is_told_what_the_first_did(
    api: Api, campaign: Campaign
) -> None:
    one, other = (api.client("operator", by_cookie=True) for _ in range(2))
    press(one, "start", one.get(PAGE).text)
    shown = one.get(PAGE).text
    press(one, "pause", shown)
    told = press(other, "drain", shown)
    assert "was changed by operator" in told
    assert "it is paused now" in told
    assert "“drain” was not carried out" in told
    kept = api.services.campaigns.get("to-azure")
    assert kept is not None
    assert kept.state is CampaignState.PAUSED


def test_presses_of_the_same_moment_come_to_one_change(api: Api, campaign: Campaign) -> None:
    operator = api.client("operator", by_cookie=True)
    shown = press(operator, "start", operator.get(PAGE).text)
    answers: list[str] = []
    start = threading.Barrier(4)

    def go(act: str) -> None:
        client = api.client("operator", by_cookie=True)
        start.wait()
        answers.append(press(client, act, shown))

    threads = [threading.Thread(target=go, args=(act,)) for act in ("pause", "pause", "drain", "drain")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(answers) == 4
    assert all('class="notice"' in text for text in answers)
    changed = [event for event in api.services.campaigns.events("to-azure") if "→" in event.what]
    assert len(changed) == 2, "start, and one of the four"


def test_approval_is_for_those_who_may_approve(api: Api, campaign: Campaign) -> None:
    api.services = replace(api.services, campaign_rules=CampaignRules(approval_above=Decimal(0)))
    operator = api.client("operator", by_cookie=True)
    page = press(operator, "start", operator.get(PAGE).text)
    assert "waits for approval" in page
    assert {"approve", "reject"} <= buttons(page)
    assert not buttons(api.client("viewer").get(PAGE).text)
    shown = {"revision": revision(page)}
    assert api.client("viewer", by_cookie=True).post(f"{PAGE}/approve", data=shown, headers=SAME).status_code == 403
    assert "to-azure is approved" in press(operator, "approve", page)


@pytest.mark.parametrize("act", ["start", "pause", "cancel", "approve", "reject"])
def test_no_button_works_for_viewers_or_from_other_sites(api: Api, campaign: Campaign, act: str) -> None:
    form = {"revision": "0"}
    assert api.client("viewer", by_cookie=True).post(f"{PAGE}/{act}", data=form, headers=SAME).status_code == 403
    assert api.client("operator", by_cookie=True).post(f"{PAGE}/{act}", data=form).status_code == 403
    assert api.client().post(f"{PAGE}/{act}", data=form, headers=SAME).status_code == 401
    kept = api.services.campaigns.get("to-azure")
    assert kept is not None
    assert kept.state is CampaignState.DRAFT


def test_figures_and_the_thaw_queue_are_shown(api: Api, campaign: Campaign) -> None:
    terms = ThawTerms("somebody", "chunk", ThawTier.BULK, 5, api.world.clock())
    api.services.thaws.reserve("primary", [ThawWant("k", "e", 7 * 1024)], terms)
    api.services.thaws.asked("primary", ["k"], "somebody", paid=True)
    operator = api.client("operator", by_cookie=True)
    page = press(operator, "start", operator.get(PAGE).text)
    assert "7.0 KiB" in page
    assert "cap 500.00" in page
    listed = operator.get(f"{UI}/campaigns").text
    assert "to-azure" in listed
    assert "within 2 d" in listed
    assert "and longer: 1, 0, 0, 0, 0" in listed
    api.world.clock.advance(timedelta(days=4))
    assert "longer than usual" in operator.get(f"{UI}/needs").text
    api.services.thaws.readable("primary", {"k": api.world.clock() + timedelta(days=2)})
    api.mounted.state.figures = Figures()
    listed = operator.get(f"{UI}/campaigns").text
    assert "readable" in listed
    assert "first copy goes away in 2 d" in listed
    assert operator.get(f"{UI}/campaigns/nothing").status_code == 404


def test_what_needs_a_person_is_shown_by_reason_with_its_bags_and_released_once(api: Api) -> None:
    for number in (1, 2):
        failed(api, Reason.SOURCE_CORRUPT, number)
    operator = api.client("operator", by_cookie=True)
    page = operator.get(f"{UI}/needs").text
    assert "source-corrupt" in page
    assert "bagfill validate" in page
    bags = operator.get(f"{UI}/failures/source-corrupt?destination=azure").text
    assert "digitised/PP/MIA 1/v2" in bags
    assert "/needs/release" not in api.client("viewer").get(f"{UI}/needs").text
    form = {"reason": "source-corrupt", "destination": "azure"}
    said = operator.post(f"{UI}/needs/release", data=form, headers=SAME).text
    assert "1 bag is tried again" in said
    again = operator.post(f"{UI}/needs/release", data=form, headers=SAME).text
    assert "somebody released them before" in again
    assert operator.get(f"{UI}/failures/nonsense?destination=azure").status_code == 404


def test_each_failed_bag_says_what_has_become_of_it_and_is_released_by_its_own_button(api: Api) -> None:
    for number in (1, 2):
        failed(api, Reason.SOURCE_CORRUPT, number)
    path = f"{UI}/failures/source-corrupt?destination=azure"
    operator = api.client("operator", by_cookie=True)
    assert operator.get(path).text.count('data-kind="needs a person"') == 2
    assert "/needs/release" not in api.client("viewer").get(path).text
    api.world.clock.advance(timedelta(minutes=1))
    form = {"bag": str(BAG), "destination": "azure"}
    assert (
        f"{BAG} is tried again by the next sweep." in operator.post(f"{UI}/needs/release", data=form, headers=SAME).text
    )
    assert operator.get(path).text.count('data-kind="tried by the next sweep"') == 2
    api.services.ingests.open(
        Ingest(uuid4(), BAG.version(1), "primary", "azure", IngestStatus.PROCESSING, api.world.clock(), "bag__2")
    )
    assert operator.get(path).text.count('data-kind="in work"') == 2


def test_a_campaign_that_needs_a_person_is_shown_with_what_resolves_it(api: Api, campaign: Campaign) -> None:
    assert "No campaign waits for approval" in api.client("viewer").get(f"{UI}/needs").text
    api.services = replace(api.services, campaign_rules=CampaignRules(approval_above=Decimal(0)))
    operator = api.client("operator", by_cookie=True)
    press(operator, "start", operator.get(PAGE).text)
    api.mounted.state.figures = Figures()
    shown = operator.get(f"{UI}/needs").text
    assert f'<a href="{PAGE}">to-azure</a>' in shown
    assert "<code>bagfill campaign approve to-azure</code>" in shown


def test_commands_that_follow_each_other_are_two(api: Api) -> None:
    for number in (1, 2):
        failed(api, Reason.SOURCE_CORRUPT, number)
    shown = api.client("viewer").get(f"{UI}/needs").text
    commands = re.findall(r"<code>(.*?)</code>", shown)
    assert len(commands) == 2
    assert all(each.startswith("bagfill ") for each in commands)


def test_an_open_ingest_that_nobody_works_on_is_shown_as_stuck(api: Api) -> None:
    ingest = Ingest(uuid4(), BAG.version(1), "primary", "azure", IngestStatus.PROCESSING, api.world.clock(), "bag__1")
    api.services.ingests.open(ingest)
    api.world.clock.advance(timedelta(days=1))
    assert "Nobody gives a sign of life" in api.client("viewer").get(f"{UI}/needs").text


def test_a_million_failures_of_one_kind_are_one_line_and_no_button(api: Api) -> None:
    now = api.world.clock()
    line = FailureLine("bag-invalid", "advice", "azure", 1_000_000, now, now, "a/b", "bagfill validate a/b")
    figures = Figures(needs=Kept(lambda _: Needs(now, (line,), (), (), ()), seconds=60))
    api.mounted.state.figures = figures
    page = api.client("operator").get(f"{UI}/needs").text
    assert "1,000,000" in page
    assert "Too many for a button" in page
    assert len(page) < 20_000


def test_a_count_that_takes_long_keeps_no_page_waiting() -> None:
    let_go, counts = threading.Event(), list[int]()

    def count(_: Services) -> int:
        let_go.wait(10)
        counts.append(1)
        return len(counts)

    @contextmanager
    def lend() -> Iterator[Any]:
        yield None

    kept = Kept(count, seconds=1000, patience=0.01)
    assert kept.get(lend) is None
    assert kept.get(lend) is None
    let_go.set()
    patient = Kept(count, seconds=1000)
    assert patient.get(lend) is not None
    before = len(counts)
    assert patient.get(lend) is not None
    assert len(counts) <= before + 1
    patient.forget()
    assert patient.get(lend) is not None


def test_a_count_that_failed_is_said_and_tried_again() -> None:
    answers: list[Any] = [DatabaseError("gone", retryable=True), 7]

    def count(_: Services) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    @contextmanager
    def lend() -> Iterator[Any]:
        yield None

    kept = Kept(count, seconds=1000)
    with pytest.raises(DatabaseError):
        kept.get(lend)
    assert kept.get(lend) == 7


@pytest.fixture
def planned(api: Api, campaign: Campaign) -> Campaign:
    """A running campaign with a deadline and priorities, planned when nothing was archived."""
    definition = Definition(
        Scope(),
        "azure",
        unknown_prices=True,
        deadline=api.world.clock() + timedelta(days=3),
        order=Order.PRIORITY,
        priorities={"digitised": 5, str(BAG): 900},
    )
    create_campaign(api.services, "by-friday", definition, Caps(), who="operator")
    return start_campaign(api.services, "by-friday", who="operator").campaign


def test_how_a_campaign_stands_is_seen_before_anything_is_read(api: Api, planned: Campaign) -> None:
    viewer = api.client("viewer")
    shown = viewer.get(f"{UI}/campaigns/by-friday").text
    assert 'data-kind="on time"' in shown
    assert "to spare" in shown
    api.services.campaigns.move(planned, CampaignState.PAUSED, who="operator", why="a holiday")
    api.world.clock.advance(timedelta(days=4))
    shown = viewer.get(f"{UI}/campaigns/by-friday").text
    assert 'data-kind="late"' in shown
    assert 'data-kind="behind its plan"' in shown
    assert "1 d too late" in shown
    assert "Bags are begun after its deadline all the same" in shown
    listed = api.client("viewer").get(f"{UI}/campaigns").text
    assert 'data-kind="late"' in listed
    assert "1 d after its deadline" in listed


def test_priorities_of_a_campaign_are_shown_highest_first_and_lead_to_their_bags(api: Api, planned: Campaign) -> None:
    shown = api.client("viewer").get(f"{UI}/campaigns/by-friday").text
    assert "among them the highest priority" in shown
    first, second = (shown.index(">900<"), shown.index(">5<"))
    assert first < second
    assert f'href="{UI}/bags/digitised/PP/MIA%201"' in shown


def test_numbers_stand_below_a_heading_on_their_own_side(api: Api, campaign: Campaign) -> None:
    terms = ThawTerms("somebody", "chunk", ThawTier.BULK, 5, api.world.clock())
    api.services.thaws.reserve("primary", [ThawWant("k", "e", 7)], terms)
    api.services.thaws.asked("primary", ["k"], "somebody", paid=True)
    failed(api, Reason.SOURCE_CORRUPT, 1)
    for path in ("campaigns/to-azure", "campaigns", "needs"):
        page = api.client("operator").get(f"{UI}/{path}").text
        for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
            heads = re.findall(r'<th scope="col"( class="number")?>', table)
            cells = re.findall(r'<(?:th scope="row"|td)( class="number")?', table.partition("<tbody>")[2])
            assert [bool(each) for each in heads] == [bool(each) for each in cells[: len(heads)]], table
