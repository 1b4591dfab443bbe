"""A digest says what is new and what needs a person, and says nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.notices.log import MemoryNotices
from bagfill.reports.digest import Digest, digest_of, things_of
from bagfill.reports.standing import Standing
from standings import ODD, a_standing


def tell(notices: MemoryNotices, standing: Standing) -> Digest:
    digest = digest_of(things_of(standing), notices.told("mail"))
    notices.tell("mail", digest.told)
    return digest


standings = st.builds(
    a_standing,
    bags=st.integers(0, 5),
    present=st.integers(0, 100),
    state=st.sampled_from(["running", "paused", "stopped at cap", "awaiting approval"]),
    overdue=st.integers(0, 2),
)


@given(st.lists(standings, min_size=1, max_size=6))
def test_what_was_told_is_never_told_again_as_long_as_it_stands(course: list[Standing]) -> None:
    notices = MemoryNotices()
    for standing in course:
        tell(notices, standing)
        assert not tell(notices, standing).is_news


def test_more_bags_that_fail_are_news_and_fewer_are_not() -> None:
    notices = MemoryNotices()
    assert len(tell(notices, a_standing(bags=3)).needs) == 1
    assert len(tell(notices, a_standing(bags=4)).needs) == 1
    assert tell(notices, a_standing(bags=2)).needs == ()
    assert len(tell(notices, a_standing(bags=3)).needs) == 1


def test_a_failure_that_was_mended_and_comes_back_is_news() -> None:
    notices = MemoryNotices()
    tell(notices, a_standing(bags=3))
    tell(notices, a_standing(bags=0))
    assert len(tell(notices, a_standing(bags=3)).needs) == 1


def test_a_million_failures_of_one_kind_are_one_line() -> None:
    digest = tell(MemoryNotices(), a_standing(bags=1_000_000))
    assert len(digest.needs) == 1
    assert "1,000,000 bags not at azure: access-denied" in digest.text()


@pytest.mark.parametrize(("state", "needs"), [("running", 0), ("stopped at cap", 1), ("awaiting approval", 1)])
def test_a_campaign_needs_a_person_where_only_one_can_let_it_go_on(state: str, needs: int) -> None:
    digest = tell(MemoryNotices(), a_standing(bags=0, state=state))
    assert sum("campaign to-azure" in thing.text for thing in digest.needs) == needs


def test_progress_is_news_and_audits_in_time_are_not() -> None:
    notices = MemoryNotices()
    first = tell(notices, a_standing(bags=0))
    assert not any("audits" in thing.text for thing in first.changed)
    second = tell(notices, a_standing(bags=0, present=60))
    assert [thing.text for thing in second.changed] == ["digitised at azure: 60 of 100 bag versions"]
    assert len(tell(notices, a_standing(bags=0, present=60, overdue=2)).needs) == 1


def test_each_thing_is_one_line_whatever_its_name_is() -> None:
    text = tell(MemoryNotices(), a_standing()).text()
    assert all(line == "" or line.startswith(("* ", "Needs", "Changed", "---")) for line in text.splitlines())
    assert ODD in text


def test_the_subject_counts() -> None:
    assert tell(MemoryNotices(), a_standing()).subject == "Bagfill: 1 thing needs a person, 3 changed"
