"""What every place that keeps campaigns and their ledgers does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bagfill.campaigns.ledger import Act, Campaigns, Halted, NameTaken, NotMoved, Permit, UnknownCampaign
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import TRANSITIONS, ActKind, AfterDeadline, CampaignState
from bagfill.planning.budget import Cap, CapReached, Caps, DayHours, Spend
from bagfill.planning.order import Order
from world import Clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
S = CampaignState
EVERYTHING = Definition(
    Scope(("digitised", "born"), ("digitised/b1", "born/ü 2/x"), "digitised/b"),
    "azure",
    source="primary",
    thaw_tier="Bulk",
    thaw_days=9,
    deadline=NOON + timedelta(days=90),
    order=Order.ARCHIVED_TOGETHER,
    currency="EUR",
    unknown_prices=True,
    thaw_tiers={"DEEP_ARCHIVE": "Bulk", "GLACIER": "Standard"},
    after_deadline=AfterDeadline.START_NOTHING,
    priorities={"digitised": 5, "born/ü 2/x": -3},
)
ALL_CAPS = Caps(Decimal("1000.10"), Decimal("99.99"), 10**13, 250.5, 40, DayHours(22, 6))


def campaign(name: str = "azure-2026", caps: Caps | None = None) -> Campaign:
    return Campaign(name, Definition(Scope(), "azure"), caps or Caps(), NOON)


def act(part: str = "0", money: str = "1", *, ingest: str = "i1", kind: ActKind = ActKind.COPY) -> Act:
    return Act(ingest, kind, part, Spend(Decimal(money), 10, 1))


class CampaignsContract:
    """Inherit, and give fixtures ``campaigns`` (whose clock is ``clock``) and ``clock``."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def run(self, campaigns: Campaigns, name: str = "azure-2026", **caps: object) -> Campaign:
        """A running campaign."""
        made = campaigns.create(campaign(name, Caps(**caps)), who="ada")  # type: ignore[arg-type]  # by keyword
        assert isinstance(made, Campaign)
        return self.move(campaigns, made.name, S.RUNNING)

    def move(self, campaigns: Campaigns, name: str, *states: CampaignState) -> Campaign:
        for state in states:
            moved = campaigns.move(self.got(campaigns, name), state, who="ada", why="because")
            assert isinstance(moved, Campaign), moved
        return self.got(campaigns, name)

    def got(self, campaigns: Campaigns, name: str = "azure-2026") -> Campaign:
        found = campaigns.get(name)
        assert found is not None
        return found

    # -- records

    def test_a_campaign_is_kept_as_it_was_created(self, campaigns: Campaigns) -> None:
        made = Campaign("all-of-it", EVERYTHING, ALL_CAPS, NOON)
        assert campaigns.create(made, who="ada") == made
        assert campaigns.get("all-of-it") == made
        assert campaigns.get("another") is None
        assert [event.what for event in campaigns.events("all-of-it")] == ["created"]

    def test_creating_it_twice_is_no_error_and_another_of_its_name_is(self, campaigns: Campaigns) -> None:
        first = campaigns.create(campaign(), who="ada")
        assert campaigns.create(replace(campaign(), created=NOON + timedelta(days=1)), who="ada") == first
        other = campaigns.create(campaign(caps=Caps(money=Decimal(1))), who="bob")
        assert isinstance(other, NameTaken)
        assert other.campaign == first
        assert len(campaigns.events("azure-2026")) == 1

    def test_campaigns_are_listed_by_state_in_the_order_of_their_creation(self, campaigns: Campaigns) -> None:
        for name in ("z", "a", "m"):
            campaigns.create(campaign(name), who="ada")
        self.move(campaigns, "m", S.RUNNING)
        assert [each.name for each in campaigns.all()] == ["z", "a", "m"]
        assert [each.name for each in campaigns.all(states={S.RUNNING})] == ["m"]

    def test_documents_are_replaced_and_told_apart(self, campaigns: Campaigns) -> None:
        campaigns.create(campaign(), who="ada")
        campaigns.remember("azure-2026", "plan", {"money": "1"})
        campaigns.remember("azure-2026", "plan", {"money": "2", "ü": [1]})
        assert campaigns.remembered("azure-2026", "plan") == {"money": "2", "ü": [1]}
        assert campaigns.remembered("azure-2026", "other") is None
        assert campaigns.remembered("none", "plan") is None

    def test_what_is_about_no_campaign_says_so(self, campaigns: Campaigns) -> None:
        for ask in (
            lambda: campaigns.permit("none", act()),
            lambda: campaigns.may_go_on("none", "i1", ActKind.COPY),
            lambda: campaigns.settle("none", act(), Spend()),
            lambda: campaigns.close("none", "i1"),
            lambda: campaigns.move(campaign("none"), S.RUNNING, who="ada", why=""),
            lambda: campaigns.change_caps(campaign("none"), Caps(), who="ada", why=""),
            lambda: campaigns.remember("none", "plan", {}),
        ):
            with pytest.raises(UnknownCampaign, match="none"):
                ask()

    # -- states

    def test_only_what_may_follow_follows(self, campaigns: Campaigns) -> None:
        paths = {
            S.DRAFT: (),
            S.AWAITING_APPROVAL: (S.AWAITING_APPROVAL,),
            S.RUNNING: (S.RUNNING,),
            S.PAUSED: (S.RUNNING, S.PAUSED),
            S.DRAINING: (S.RUNNING, S.DRAINING),
            S.STOPPED_AT_CAP: (S.RUNNING, S.STOPPED_AT_CAP),
            S.DONE: (S.RUNNING, S.DONE),
            S.CANCELLED: (S.CANCELLED,),
        }
        for state, path in paths.items():
            for to in S:
                name = f"{state.name}-{to.name}".lower().replace("_", "-")
                campaigns.create(campaign(name), who="ada")
                before = self.move(campaigns, name, *path)
                answer = campaigns.move(before, to, who="ada", why="because")
                if to in TRANSITIONS[state]:
                    assert isinstance(answer, Campaign)
                    assert (answer.state, answer.why) == (to, "because")
                    assert self.got(campaigns, name) == answer
                else:
                    assert isinstance(answer, NotMoved)
                    assert self.got(campaigns, name) == before

    def test_of_two_decisions_on_the_same_state_the_second_is_refused(self, campaigns: Campaigns) -> None:
        read = self.run(campaigns)
        assert isinstance(campaigns.move(read, S.PAUSED, who="ada", why="night"), Campaign)
        second = campaigns.move(read, S.CANCELLED, who="bob", why="no")
        assert isinstance(second, NotMoved)
        assert second.campaign.state is S.PAUSED
        assert isinstance(campaigns.change_caps(read, Caps(), who="bob", why=""), NotMoved)
        assert [event.who for event in campaigns.events(read.name)] == ["ada", "ada", "ada"]

    def test_booking_does_not_make_a_decision_stale(self, campaigns: Campaigns) -> None:
        read = self.run(campaigns)
        campaigns.permit(read.name, act())
        assert isinstance(campaigns.move(read, S.PAUSED, who="ada", why=""), Campaign)

    def test_caps_of_an_ended_campaign_stay(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        ended = self.move(campaigns, "azure-2026", S.CANCELLED)
        assert isinstance(campaigns.change_caps(ended, ALL_CAPS, who="ada", why=""), NotMoved)

    # -- booking

    def test_the_same_act_asked_for_again_is_booked_once(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal(1))
        first, again = campaigns.permit("azure-2026", act()), campaigns.permit("azure-2026", act())
        assert isinstance(first, Permit)
        assert isinstance(again, Permit)
        assert (first.is_new, again.is_new) == (True, False)
        assert again.booking == first.booking
        assert self.got(campaigns).account.total == act().spend
        assert list(campaigns.bookings("azure-2026")) == [first.booking]

    def test_other_ingests_kinds_parts_and_campaigns_have_bookings_of_their_own(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        self.run(campaigns, "other")
        acts = [act(), act("1"), act(ingest="i2"), act(kind=ActKind.THAW)]
        assert all(isinstance(campaigns.permit("azure-2026", each), Permit) for each in acts)
        campaigns.permit("other", act())
        assert [booking.act for booking in campaigns.bookings("azure-2026")] == acts
        assert [booking.act for booking in campaigns.bookings("azure-2026", ingest_id="i2")] == [acts[2]]
        assert [self.got(campaigns, name).account.total.bytes for name in ("azure-2026", "other")] == [40, 10]

    def test_an_act_that_turns_out_larger_before_it_began_books_the_difference(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal(5))
        campaigns.permit("azure-2026", act(money="2"))
        assert isinstance(campaigns.permit("azure-2026", act(money="5")), Permit)
        assert self.got(campaigns).account.total == Spend(Decimal(5), 10, 1)
        assert isinstance(campaigns.permit("azure-2026", act(money="5.01")), CapReached)
        assert len(list(campaigns.bookings("azure-2026"))) == 1

    def test_a_settlement_gives_back_what_was_not_used_and_happens_once(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal(5))
        campaigns.permit("azure-2026", act(money="5"))
        actual = Spend(Decimal("1.25"), 3, 1)
        assert campaigns.settle("azure-2026", act(), actual)
        assert not campaigns.settle("azure-2026", act(), Spend())
        assert not campaigns.settle("azure-2026", act("never booked"), Spend())
        assert self.got(campaigns).account.total == actual
        assert [booking.actual for booking in campaigns.bookings("azure-2026")] == [actual]
        assert isinstance(campaigns.permit("azure-2026", act("1", "3.75")), Permit)

    def test_an_act_done_again_after_its_settlement_is_paid_again(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        for _ in range(2):
            assert isinstance(campaigns.permit("azure-2026", act(kind=ActKind.THAW)), Permit)
            assert campaigns.settle("azure-2026", act(kind=ActKind.THAW), act().spend)
        assert [booking.round for booking in campaigns.bookings("azure-2026")] == [1, 2]
        assert self.got(campaigns).account.total.money == 2

    def test_an_act_that_died_after_it_began_counts_beside_its_second_try(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal(2))
        campaigns.permit("azure-2026", act())
        campaigns.begin("azure-2026", act())
        second = campaigns.permit("azure-2026", act())
        assert isinstance(second, Permit)
        assert (second.is_new, second.booking.round) == (True, 2)
        campaigns.begin("azure-2026", act())
        assert isinstance(campaigns.permit("azure-2026", act()), CapReached)
        assert [booking.counts for booking in campaigns.bookings("azure-2026")] == [act().spend, act().spend]
        assert self.got(campaigns).account.total == act().spend + act().spend

    def test_what_an_ended_ingest_left_open_counts_as_spent(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        for each in (act("0"), act("1"), act(ingest="i2")):
            campaigns.permit("azure-2026", each)
        campaigns.settle("azure-2026", act("0"), Spend())
        assert campaigns.close("azure-2026", "i1") == 1
        assert campaigns.close("azure-2026", "i1") == 0
        assert [booking.actual for booking in campaigns.bookings("azure-2026", ingest_id="i1")] == [
            Spend(),
            act().spend,
        ]
        assert self.got(campaigns).account.total == Spend(Decimal(2), 20, 2)

    def test_amounts_are_exact(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal("0.3"))
        for part in range(3):
            assert isinstance(campaigns.permit("azure-2026", act(str(part), "0.1")), Permit)
        assert self.got(campaigns).account.total.money == Decimal("0.3")
        assert isinstance(campaigns.permit("azure-2026", act("3", "1e-30")), CapReached)

    # -- caps and states

    def test_the_cap_stops_the_campaign_until_it_is_raised(self, campaigns: Campaigns) -> None:
        self.run(campaigns, money=Decimal(1))
        campaigns.permit("azure-2026", act())
        reached = campaigns.permit("azure-2026", act("1"))
        assert isinstance(reached, CapReached)
        assert (reached.cap, reached.again) == (Cap.MONEY, None)
        stopped = self.got(campaigns)
        assert stopped.state is S.STOPPED_AT_CAP
        assert "cap reached: money is 1" in campaigns.events("azure-2026")[-1].what
        # What was booked before may still be done; nothing else, be it free.
        assert isinstance(campaigns.permit("azure-2026", act()), Permit)
        assert isinstance(campaigns.permit("azure-2026", act("2", "0")), Halted)
        raised = campaigns.change_caps(stopped, Caps(money=Decimal(2)), who="ada", why="more money")
        assert isinstance(raised, Campaign)
        self.move(campaigns, "azure-2026", S.RUNNING)
        assert isinstance(campaigns.permit("azure-2026", act("1")), Permit)

    def test_a_day_s_cap_only_waits_for_tomorrow(self, campaigns: Campaigns, clock: Clock) -> None:
        self.run(campaigns, bytes_a_day=15)
        campaigns.permit("azure-2026", act())
        reached = campaigns.permit("azure-2026", act("1"))
        assert isinstance(reached, CapReached)
        assert reached.again == datetime(2026, 5, 2, tzinfo=UTC)
        assert self.got(campaigns).state is S.RUNNING
        clock.advance(timedelta(hours=12))
        assert isinstance(campaigns.permit("azure-2026", act("1")), Permit)

    def test_a_clock_that_jumps_back_opens_no_day_again(self, campaigns: Campaigns, clock: Clock) -> None:
        self.run(campaigns, bytes_a_day=10)
        campaigns.permit("azure-2026", act("0"))
        clock.advance(timedelta(days=1))
        campaigns.permit("azure-2026", act("1"))
        for days in (-1, -30, 31):
            clock.advance(timedelta(days=days))
            assert isinstance(campaigns.permit("azure-2026", act("2")), CapReached)

    def test_requests_of_all_keep_to_the_rate(self, campaigns: Campaigns) -> None:
        self.run(campaigns, requests_a_second=0.1)
        waits = []
        for part in range(3):
            permit = campaigns.permit("azure-2026", act(str(part)))
            assert isinstance(permit, Permit)
            waits.append(permit.wait)
        assert waits == [timedelta(0), timedelta(seconds=10), timedelta(seconds=20)]

    @pytest.mark.parametrize("state", [S.PAUSED, S.CANCELLED])
    def test_halting_stops_every_act_but_the_copy_of_a_bag_whose_thaw_was_paid(
        self, campaigns: Campaigns, state: CampaignState
    ) -> None:
        self.run(campaigns)
        thaw = act(ingest="thawed", kind=ActKind.THAW)
        campaigns.permit("azure-2026", thaw)
        campaigns.permit("azure-2026", act(ingest="warm"))
        self.move(campaigns, "azure-2026", state)
        for refused in (act("1", ingest="warm"), act(ingest="warm"), act("2", ingest="thawed", kind=ActKind.THAW)):
            answer = campaigns.permit("azure-2026", refused)
            assert isinstance(answer, Halted)
            assert (answer.state, answer.why) == (state, "because")
        assert isinstance(campaigns.may_go_on("azure-2026", "warm", ActKind.COPY), Halted)
        assert campaigns.may_go_on("azure-2026", "thawed", ActKind.COPY) is None
        assert isinstance(campaigns.permit("azure-2026", act(ingest="thawed")), Permit)

    def test_a_thaw_that_was_booked_and_not_sent_was_not_paid(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        thaw = act(ingest="i1", kind=ActKind.THAW)
        campaigns.permit("azure-2026", thaw)
        campaigns.settle("azure-2026", thaw, Spend())
        self.move(campaigns, "azure-2026", S.PAUSED)
        assert isinstance(campaigns.permit("azure-2026", act()), Halted)

    def test_draining_goes_on_with_what_is_in_work(self, campaigns: Campaigns) -> None:
        self.run(campaigns)
        self.move(campaigns, "azure-2026", S.DRAINING)
        assert campaigns.may_go_on("azure-2026", "i1", ActKind.COPY) is None
        assert isinstance(campaigns.permit("azure-2026", act(kind=ActKind.THAW)), Permit)

    def test_before_it_runs_nothing_is_permitted(self, campaigns: Campaigns) -> None:
        campaigns.create(campaign(), who="ada")
        assert isinstance(campaigns.permit("azure-2026", act()), Halted)
        self.move(campaigns, "azure-2026", S.AWAITING_APPROVAL)
        assert isinstance(campaigns.permit("azure-2026", act()), Halted)
        assert list(campaigns.bookings("azure-2026")) == []
