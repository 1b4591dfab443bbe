"""Campaigns in SQLite and PostgreSQL: the contract, and many who book at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.campaigns.ledger import Act, Campaigns, Permit
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.sql import SqlCampaigns
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.database.engine import open_database
from bagfill.demo.postgresql import PostgreSQL
from bagfill.planning.budget import Caps, Spend
from contracts.campaigns_contract import CampaignsContract, campaign
from contracts.databases import postgresql_url, sqlite_url, with_tables
from world import Clock


class SqlCampaignsContract(CampaignsContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def campaigns(self, engine: Engine, clock: Clock) -> Campaigns:
        return SqlCampaigns(engine, clock)

    def test_two_sweeps_and_a_hundred_tasks_share_one_budget(self, engine: Engine) -> None:
        """Each task asks twice for its act, as one that was retried does; every third is settled at half."""
        made = SqlCampaigns(engine).create(campaign(caps=Caps(money=Decimal(40), bytes_a_day=10**6)), who="ada")
        assert isinstance(made, Campaign)
        SqlCampaigns(engine).move(made, CampaignState.RUNNING, who="ada", why="")

        def task(number: int) -> int:
            ledger = SqlCampaigns(engine)
            work = Act(f"i{number}", ActKind.COPY, "0", Spend(Decimal(1), 10, 1))
            answers = [ledger.permit(made.name, work) for _ in range(2)]
            if isinstance(answers[0], Permit) and number % 3 == 0:
                ledger.settle(made.name, work, Spend(Decimal("0.5"), 10, 1))
            return sum(isinstance(answer, Permit) and answer.is_new for answer in answers)

        with ThreadPoolExecutor(16) as pool:
            permits = sum(pool.map(task, range(100)))
        after = SqlCampaigns(engine).get(made.name)
        assert after is not None
        bookings = list(SqlCampaigns(engine).bookings(made.name))
        assert len(bookings) == permits
        assert after.account.total.money == sum(booking.counts.money for booking in bookings)
        assert 30 < after.account.total.money <= 40
        assert after.state is CampaignState.STOPPED_AT_CAP

    def test_a_registry_that_is_restarted_between_booking_and_act_knows_the_booking(self, engine: Engine) -> None:
        first = SqlCampaigns(engine)
        made = first.create(campaign(caps=Caps(money=Decimal(1))), who="ada")
        assert isinstance(made, Campaign)
        first.move(made, CampaignState.RUNNING, who="ada", why="")
        work = Act("i1", ActKind.THAW, "0", Spend(Decimal(1), 0, 1000))
        booked = first.permit(made.name, work)
        assert isinstance(booked, Permit)
        engine.dispose()
        again_opened = open_database(engine.url.render_as_string(hide_password=False).replace("+psycopg2", ""))
        try:
            found = SqlCampaigns(again_opened).permit(made.name, work)
            assert isinstance(found, Permit)
            assert (found.is_new, found.booking) == (False, booked.booking)
            after = SqlCampaigns(again_opened).get(made.name)
            assert after is not None
            assert after.account.total == work.spend
        finally:
            again_opened.dispose()


class TestSqlCampaignsOnSqlite(SqlCampaignsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        with with_tables(sqlite_url(tmp_path)) as engine:
            yield engine


@pytest.mark.servers
class TestSqlCampaignsOnPostgresql(SqlCampaignsContract):
    @pytest.fixture
    def engine(self, postgresql: PostgreSQL) -> Iterator[Engine]:
        with with_tables(postgresql_url(postgresql)) as engine:
            yield engine
