"""The registry's database is killed between a booking and its act, and comes back."""

from __future__ import annotations

import os
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bagfill.campaigns.ledger import Act, Permit
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.sql import SqlCampaigns
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.database.errors import DatabaseError
from bagfill.demo.postgresql import PostgreSQL
from bagfill.demo.supervisor import Supervisor
from bagfill.planning.budget import CapReached, Caps, Spend
from bagfill.registry.clock import utc_now
from contracts.databases import with_tables

pytestmark = pytest.mark.servers

NAME = "azure-2026"
WORK = Act("i1", ActKind.THAW, "0", Spend(Decimal(6), 0, 1000))


def permit_when_it_is_back(ledger: SqlCampaigns, act: Act) -> Permit | CapReached:
    """As a task does that is tried again; what fails meanwhile is worth a retry."""
    deadline = time.monotonic() + 180
    while True:
        try:
            answer = ledger.permit(NAME, act)
        except DatabaseError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            assert isinstance(answer, Permit | CapReached)
            return answer


def test_a_booking_outlives_a_killed_database_and_counts_once(tmp_path: Path) -> None:
    server = PostgreSQL(tmp_path)
    with Supervisor(backoff=(0.2,)) as supervisor:
        supervisor.start(server.program())
        server.after_start()
        with with_tables(server.create_database("registry")) as engine:
            _booked_before_it_was_killed(engine, supervisor)
    server.release_ports()


def _booked_before_it_was_killed(engine: Engine, supervisor: Supervisor) -> None:
    ledger = SqlCampaigns(engine)
    made = ledger.create(Campaign(NAME, Definition(Scope(), "azure"), Caps(money=Decimal(10)), utc_now()), who="ada")
    assert isinstance(made, Campaign)
    ledger.move(made, CampaignState.RUNNING, who="ada", why="")
    booked = ledger.permit(NAME, WORK)
    assert isinstance(booked, Permit)

    os.kill(supervisor.pid("postgresql"), signal.SIGKILL)
    found = permit_when_it_is_back(ledger, WORK)

    # The act was not done: it is done now, under the booking that was made before.
    assert isinstance(found, Permit)
    assert (found.is_new, found.booking) == (False, booked.booking)
    # Another act finds the budget as it was left: nothing was given back, nothing was booked twice.
    assert isinstance(permit_when_it_is_back(ledger, Act("i2", ActKind.THAW, "0", WORK.spend)), CapReached)
    assert ledger.settle(NAME, WORK, WORK.spend)
    after = ledger.get(NAME)
    assert after is not None
    assert after.account.total == WORK.spend
    assert after.state is CampaignState.STOPPED_AT_CAP
