"""The pages in headless Chromium, through Airflow's own login, as viewer and as operator; and the pictures of the docs.

``BAGFILL_PICTURES=FOLDER`` (``make pictures``) keeps the pictures there; else they are taken and thrown away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from browser import chromium, findings
from pages_place import NASTY, SHOWN, PagesPlace, pages_place

pytestmark = [pytest.mark.e2e, pytest.mark.airflow, pytest.mark.timeout(300)]

UI = "/bagfill/ui"
PAGES = {
    "coverage": f"{UI}/coverage",
    "missing": f"{UI}/missing?location=azure&space=digitised",
    "campaigns": f"{UI}/campaigns",
    "campaign": f"{UI}/campaigns/azure-2026",
    "needs": f"{UI}/needs",
    "failures": f"{UI}/failures/source-corrupt?destination=azure",
    "bag": f"{UI}/bags/{SHOWN}",
    "no-bag": f"{UI}/bags/none/none",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[PagesPlace]:
    assert pytestconfig.cache is not None
    with pages_place(tmp_path_factory.mktemp("pages"), Path(pytestconfig.cache.mkdir("bagfill-airflow"))) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def logged_in(browser: Browser, place: PagesPlace, user: str, scheme: str = "light") -> BrowserContext:
    context = browser.new_context(
        base_url=place.airflow.address,
        viewport={"width": 1320, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto("/auth/login")
    password = place.operator_password if user == "operator" else place.airflow.viewer_password
    page.get_by_label(re.compile("username", re.IGNORECASE)).fill(user)
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name=re.compile("sign in|login", re.IGNORECASE)).click()
    page.wait_for_url(lambda url: "/auth/login" not in url)
    page.close()
    return context


@pytest.fixture(scope="module")
def operator(browser: Browser, place: PagesPlace) -> BrowserContext:
    return logged_in(browser, place, "operator")


@pytest.fixture(scope="module")
def viewer(browser: Browser, place: PagesPlace) -> BrowserContext:
    return logged_in(browser, place, "viewer", "dark")


def picture(page: Page, name: str, tmp_path: Path) -> None:
    shown_in_docs = not name.startswith(("missing", "failures", "no-bag"))
    folder = Path(os.environ.get("BAGFILL_PICTURES") or tmp_path) if shown_in_docs else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", animations="disabled")


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_passes_axe_in_light_and_dark_and_loads_nothing_from_elsewhere(
    name: str, operator: BrowserContext, viewer: BrowserContext, tmp_path: Path
) -> None:
    for context, scheme in ((operator, "light"), (viewer, "dark")):
        page = context.new_page()
        asked, errors = list[str](), list[str]()
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.on("console", lambda said, errors=errors: errors.append(said.text) if said.type == "error" else None)
        page.goto(PAGES[name])
        page.wait_for_function("document.documentElement.dataset.theme")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        own = page.evaluate("location.origin")
        assert all(url.startswith(own) for url in asked), asked
        assert [error for error in errors if "404" not in error] == []
        picture(page, f"{name}-{scheme}", tmp_path)
        assert findings(page) == []
        page.close()


def test_names_with_html_stay_text_and_lead_to_their_page(operator: BrowserContext) -> None:
    page = operator.new_page()
    page.on("dialog", lambda _: pytest.fail("a name was run as a script"))
    page.goto(f"{UI}/failures/name-refused?destination=azure")
    page.get_by_role("link", name=f"digitised/{NASTY}/v1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(NASTY)
    assert page.locator("img").count() == 0
    page.close()


def test_airflow_shows_the_pages_in_its_own_frame(operator: BrowserContext, tmp_path: Path) -> None:
    page = operator.new_page()
    page.goto("/plugin/bagfill")
    expect(inside(page).get_by_role("heading", name="Coverage", level=1)).to_be_visible(timeout=20_000)
    page.wait_for_timeout(500)
    picture(page, "in-airflow", tmp_path)
    page.close()


def test_an_operator_starts_a_bag_follows_it_into_airflow_and_comes_back(
    operator: BrowserContext, tmp_path: Path
) -> None:
    page = operator.new_page()
    page.goto("/plugin/bagfill")
    frame = inside(page)
    frame.get_by_label("Find a bag by space and identifier").fill(str(SHOWN))
    frame.get_by_label("Find a bag by space and identifier").press("Enter")
    frame.get_by_label("Replicate what is missing to").select_option("glacier")
    frame.get_by_role("button", name="Start").dblclick()
    expect(frame.get_by_role("status").first).to_contain_text("Started: v1")
    frame.get_by_role("link", name="run in Airflow").first.click()
    page.wait_for_url("**/dags/backfill_bag/runs/bag__http-*")
    page.get_by_role("link", name="Bag", exact=True).click()
    expect(inside(page).get_by_role("heading", level=1)).to_contain_text("PP MIA 2", timeout=20_000)
    picture(page, "run-tab", tmp_path)
    page.close()


def test_the_page_of_a_task_leads_to_its_bag_and_that_back_to_the_run(operator: BrowserContext, tmp_path: Path) -> None:
    page = operator.new_page()
    page.goto(f"{UI}/bags/digitised/b30000016")
    page.get_by_label("Replicate what is missing to").select_option("glacier")
    page.get_by_role("button", name="Start").click()
    address = page.get_by_role("link", name="run in Airflow").first.get_attribute("href")
    page.goto(f"{address}/tasks/open_ingest")
    page.get_by_role("link", name="Bag", exact=True).click()
    expect(inside(page).get_by_role("heading", level=1)).to_contain_text("b30000016", timeout=20_000)
    expect(inside(page).get_by_text("accepted").or_(inside(page).get_by_text("in work")).first).to_be_visible()
    picture(page, "task-tab", tmp_path)
    inside(page).get_by_role("link", name="run in Airflow").first.click()
    page.wait_for_url(f"**{address}")
    page.close()


def test_a_page_that_answered_a_button_renews_itself_and_keeps_what_is_in_hand(operator: BrowserContext) -> None:
    page = operator.new_page()
    page.clock.install()
    page.goto(PAGES["campaign"])
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").first).to_contain_text("is paused")
    assert page.url.endswith(PAGES["campaign"]), "loaded again, it presses nothing"
    link = page.get_by_role("link", name="digitised/b10000037", exact=True)
    link.focus()
    # Somebody else steers: the page has something new to show.
    other = operator.new_page()
    other.goto(PAGES["campaign"])
    other.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("status").first).to_contain_text("is resumed")
    other.close()
    page.clock.run_for(11_000)
    expect(page.locator("#freshness")).to_contain_text("Renewed. Shown as of")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(link).to_be_focused()
    expect(page.locator("#freshness")).to_have_attribute("aria-live", "off")
    page.close()


def test_what_somebody_marks_is_not_taken_away(operator: BrowserContext) -> None:
    page = operator.new_page()
    page.clock.install()
    page.goto(PAGES["needs"])
    command = page.locator("code").first
    command.evaluate("each => { each.dataset.mine = 'yes'; getSelection().selectAllChildren(each); }")
    page.evaluate("document.getElementById('live').append('older')")
    page.clock.run_for(31_000)
    assert page.locator("code[data-mine]").count() == 1
    expect(page.locator("#freshness")).to_contain_text("renewed when nothing is marked")
    page.evaluate("getSelection().removeAllRanges()")
    page.clock.run_for(31_000)
    expect(page.locator("#freshness")).to_contain_text("Renewed. Shown as of")
    assert page.locator("code[data-mine]").count() == 0
    page.close()


def test_a_table_that_was_scrolled_stays_where_it_is(operator: BrowserContext) -> None:
    page = operator.new_page()
    page.set_viewport_size({"width": 700, "height": 900})
    page.clock.install()
    page.goto(PAGES["needs"])
    table = page.get_by_role("region", name="Table of failures")
    table.focus()
    table.evaluate("each => { each.scrollLeft = 40; each.append('older'); }")
    page.clock.run_for(31_000)
    expect(table).not_to_contain_text("older")
    expect(table).to_be_focused()
    assert table.evaluate("each => each.scrollLeft") == 40
    page.close()


def test_a_button_that_is_pressed_after_the_login_has_expired_does_nothing_and_says_so(
    browser: Browser, place: PagesPlace, operator: BrowserContext
) -> None:
    context = browser.new_context(base_url=place.airflow.address, storage_state=operator.storage_state())
    page = context.new_page()
    page.goto(PAGES["campaign"])
    context.clear_cookies()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not logged in any more")
    expect(page.get_by_role("link", name="Log in")).to_have_attribute("href", "/auth/login")
    context.close()
    page = operator.new_page()
    page.goto(PAGES["campaign"])
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.close()


def test_a_viewer_is_offered_no_button(viewer: BrowserContext) -> None:
    page = viewer.new_page()
    for name in ("campaign", "needs", "bag"):
        page.goto(PAGES[name])
        assert page.locator("main button").count() == 0
    page.close()


def test_it_works_by_keyboard_alone(operator: BrowserContext) -> None:
    page = operator.new_page()
    page.goto(f"{UI}/campaigns/film-rescue")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "cancel":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("film-rescue is cancelled")
    page.close()


def test_two_operators_at_once_are_told_apart(operator: BrowserContext) -> None:
    one, other = operator.new_page(), operator.new_page()
    for page in (one, other):
        page.goto(PAGES["campaign"])
    one.get_by_role("button", name="Pause").click()
    expect(one.get_by_role("status").first).to_contain_text("is paused")
    other.get_by_role("button", name="Drain").click()
    expect(other.get_by_role("alert")).to_contain_text("was changed by operator")
    other.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("status").first).to_contain_text("is resumed")
    one.close()
    other.close()


def test_a_page_left_open_says_when_its_login_has_expired(
    browser: Browser, place: PagesPlace, viewer: BrowserContext
) -> None:
    context = browser.new_context(base_url=place.airflow.address, storage_state=viewer.storage_state())
    page = context.new_page()
    page.clock.install()
    page.goto(PAGES["coverage"])
    expect(page.locator("#freshness")).to_contain_text("Shown as of")
    page.clock.run_for(21_000)
    expect(page.locator("#freshness")).to_contain_text("Renewed. Shown as of")
    known = context.cookies()
    context.clear_cookies()
    page.clock.run_for(21_000)
    expect(page.locator("#freshness")).to_contain_text("Your login has expired: what is shown here is old.")
    expect(page.locator("#freshness a")).to_have_attribute("href", "/auth/login")
    context.add_cookies(known)  # type: ignore[arg-type]  # a cookie that was read can be set
    page.clock.run_for(41_000)
    expect(page.locator("#freshness")).to_contain_text("Renewed. Shown as of")
    context.clear_cookies()
    page.goto(PAGES["coverage"])
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not logged in any more")
    context.close()


def test_a_page_left_open_says_when_it_cannot_be_renewed(
    browser: Browser, place: PagesPlace, viewer: BrowserContext
) -> None:
    context = browser.new_context(base_url=place.airflow.address, storage_state=viewer.storage_state())
    page = context.new_page()
    page.clock.install()
    page.goto(PAGES["coverage"])
    context.set_offline(True)
    page.clock.run_for(21_000)
    expect(page.locator("#freshness")).to_contain_text("could not be renewed")
    context.set_offline(False)
    page.clock.run_for(60_000)
    expect(page.locator("#freshness")).to_contain_text("Renewed. Shown as of")
    context.close()


def test_without_the_registrys_database_the_pages_say_so_and_airflow_stays_up(
    operator: BrowserContext, place: PagesPlace
) -> None:
    page = operator.new_page()
    page.clock.install()
    page.goto(PAGES["campaign"])
    with place.without_database():
        page.clock.run_for(11_000)
        expect(page.locator("#freshness")).to_contain_text("could not be renewed: what is shown here is old")
        expect(page.get_by_role("heading", level=1)).to_contain_text("azure-2026")
        for name in ("missing", "campaign", "bag"):
            answer = page.goto(PAGES[name])
            assert answer is not None
            assert answer.status == 503
            expect(page.get_by_role("heading", level=1)).to_have_text("The registry's database does not answer")
            assert "a-secret-of-the-database" not in page.content()
        assert findings(page) == []
        page.goto("/dags/backfill_bag")
        expect(page.get_by_role("link", name="Backfill a bag")).to_be_visible(timeout=20_000)
    page.goto(PAGES["bag"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("PP MIA 2")
    page.close()
