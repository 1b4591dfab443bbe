"""Invariant 10: whatever happens in whatever order, nothing that costs begins beyond the budget.

Machines with clocks of their own book, act, crash, settle, pause and raise caps. In memory, and in SQLite.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bagfill.campaigns.ledger import Act, Campaigns, Permit
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.sql import SqlCampaigns
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.planning.budget import Caps, Spend
from contracts.campaigns_contract import NOON, campaign
from contracts.databases import sqlite_url, with_tables
from world import Clock

NAME = "azure-2026"
INGESTS = st.sampled_from(["i1", "i2", "i3"])
PARTS = st.sampled_from(["0", "1"])
KINDS = st.sampled_from(ActKind)
CENTS = st.integers(0, 400).map(lambda cents: Decimal(cents) / 100)


class Spending(RuleBasedStateMachine):
    """The model is what was paid: the sum of what the acts that began came to at most."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        self.clock = Clock()
        self.campaigns = self.open()
        self.paid: dict[tuple[str, ActKind, str, int], Spend] = {}
        self.open_acts: dict[tuple[str, ActKind, str], Spend] = {}
        self.begun: set[tuple[str, ActKind, str]] = set()
        self.furthest = NOON

    def open(self) -> Campaigns:
        return MemoryCampaigns(self.clock)

    def teardown(self) -> None:
        self.opened.close()

    @initialize(money=CENTS, a_day=CENTS, volume=st.integers(0, 60))
    def begin(self, money: Decimal, a_day: Decimal, volume: int) -> None:
        self.caps = Caps(money=money * 3, money_a_day=a_day, bytes_a_day=volume)
        self.highest, self.day_caps = self.caps.money, a_day
        self.campaigns.create(campaign(NAME, self.caps), who="ada")
        self.move(CampaignState.RUNNING)

    @rule(ingest=INGESTS, kind=KINDS, part=PARTS, money=CENTS, size=st.integers(0, 20))
    def act_or_crash_before_it(self, ingest: str, kind: ActKind, part: str, money: Decimal, size: int) -> None:
        """The permit is used or lost: what it allows counts as paid either way."""
        spend = Spend(money, size, 1)
        answer = self.campaigns.permit(NAME, Act(ingest, kind, part, spend))
        self.furthest = max(self.furthest, self.clock())
        if isinstance(answer, Permit):
            key = (ingest, kind, part)
            if key in self.begun:
                self.begun.discard(key)
                self.open_acts.pop(key, None)
            assert answer.is_new == (key not in self.open_acts)
            covered = answer.booking.act.spend
            assert covered.money >= money
            assert covered.bytes >= size
            self.open_acts[key] = covered
            self.paid[*key, answer.booking.round] = covered

    @rule(ingest=INGESTS, kind=KINDS, part=PARTS, share=st.integers(0, 100))
    def settle(self, ingest: str, kind: ActKind, part: str, share: int) -> None:
        key = (ingest, kind, part)
        booked = self.open_acts.pop(key, None)
        self.begun.discard(key)
        actual = Spend() if booked is None else Spend(booked.money * share / 100, booked.bytes * share // 100, 1)
        act = Act(ingest, kind, part, actual)
        assert self.campaigns.settle(NAME, act, actual) is (booked is not None)
        if booked is not None:
            newest = max(number for *these, number in self.paid if tuple(these) == key)
            self.paid[*key, newest] = actual

    @rule(ingest=INGESTS, kind=KINDS, part=PARTS)
    def begin_and_die(self, ingest: str, kind: ActKind, part: str) -> None:
        """What was begun stays paid; the next try is another act."""
        self.campaigns.begin(NAME, Act(ingest, kind, part, Spend()))
        if (ingest, kind, part) in self.open_acts:
            self.begun.add((ingest, kind, part))

    @rule(ingest=INGESTS)
    def the_ingest_ends(self, ingest: str) -> None:
        closed = [key for key in self.open_acts if key[0] == ingest]
        assert self.campaigns.close(NAME, ingest) == len(closed)
        for key in closed:
            del self.open_acts[key]
            self.begun.discard(key)

    @rule(hours=st.integers(-200, 60))
    def the_clock_jumps(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))

    @rule(state=st.sampled_from(CampaignState))
    def move(self, state: CampaignState) -> None:
        if state not in {CampaignState.CANCELLED, CampaignState.DONE}:
            self.campaigns.move(self.now(), state, who="ada", why="")

    @rule(more=CENTS)
    def raise_the_cap(self, more: Decimal) -> None:
        assert self.highest is not None
        self.highest += more
        caps = Caps(money=self.highest, money_a_day=self.caps.money_a_day, bytes_a_day=self.caps.bytes_a_day)
        self.campaigns.change_caps(self.now(), caps, who="ada", why="")

    def now(self) -> Campaign:
        found = self.campaigns.get(NAME)
        assert found is not None
        return found

    @invariant()
    def no_cap_is_passed(self) -> None:
        if not self.campaigns.all():
            return
        account = self.now().account
        total = sum(self.paid.values(), Spend())
        assert account.total == total
        assert self.highest is not None
        assert total.money <= self.highest
        assert account.today.money <= self.day_caps
        days = (self.furthest.date() - NOON.date()).days + 1
        # The first day may have begun before noon by a clock that was behind.
        assert total.bytes <= (self.caps.bytes_a_day or 0) * (days + 1)


class SpendingInSqlite(Spending):
    def open(self) -> Campaigns:
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        engine = self.opened.enter_context(with_tables(sqlite_url(folder)))
        return SqlCampaigns(engine, self.clock)


@pytest.fixture(params=[(Spending, 60), (SpendingInSqlite, 8)], ids=["memory", "sqlite"])
def machine(request: pytest.FixtureRequest) -> tuple[type[Spending], int]:
    kind: tuple[type[Spending], int] = request.param
    return kind


def test_nothing_that_costs_begins_beyond_the_budget(machine: tuple[type[Spending], int]) -> None:
    kind, examples = machine
    run_state_machine_as_test(kind, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None))
