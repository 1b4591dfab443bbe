"""Campaigns and bookings as rows, and back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from bagfill.campaigns.ledger import Act, Booking
from bagfill.campaigns.model import Campaign, Definition, Scope, caps_from_json, caps_to_json
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.planning.budget import Account, Spend

_AnyRow = Row[*tuple[Any, ...]]

_NOT_READ = Definition(Scope(), destination="")


def columns_of_spend(spend: Spend, suffix: str = "") -> dict[str, Any]:
    """The three columns of an amount."""
    # As text without an exponent, whatever arithmetic left: 1E+2 is 100.
    return {
        f"money{suffix}": f"{spend.money:f}",
        f"bytes{suffix}": spend.bytes,
        f"requests{suffix}": spend.requests,
    }


def columns_of_account(account: Account) -> dict[str, Any]:
    """The columns of what was booked."""
    return {
        **columns_of_spend(account.total),
        **columns_of_spend(account.today, "_today"),
        "seen": account.seen,
        "free_from": account.free_from,
    }


def columns_of_campaign(campaign: Campaign) -> dict[str, Any]:
    """The columns that change."""
    return {
        "state": campaign.state.value,
        "why": campaign.why,
        "revision": campaign.revision,
        "changed": campaign.changed,
        "caps": json.dumps(caps_to_json(campaign.caps)),
        **columns_of_account(campaign.account),
    }


def campaign_of(row: _AnyRow) -> Campaign:
    """The campaign of a row; one that was read without its definition has an empty one."""
    values = row._mapping  # noqa: SLF001 - the public name of a row's columns
    text = values.get("definition")
    return Campaign(
        name=row.name,
        definition=_NOT_READ if text is None else Definition.from_json(json.loads(text)),
        caps=caps_from_json(json.loads(row.caps)),
        created=row.created,
        state=CampaignState(row.state),
        why=row.why,
        revision=row.revision,
        account=Account(
            total=Spend(Decimal(row.money), row.bytes, row.requests),
            seen=row.seen,
            today=Spend(Decimal(row.money_today), row.bytes_today, row.requests_today),
            free_from=row.free_from,
        ),
        changed=row.changed,
    )


def booking_of(row: _AnyRow) -> Booking:
    """The booking of a row."""
    settled = row.actual_money is not None
    return Booking(
        act=Act(row.ingest_id, ActKind(row.kind), row.part, Spend(Decimal(row.money), row.bytes, row.requests)),
        round=row.round,
        booked=row.booked,
        actual=Spend(Decimal(row.actual_money), row.actual_bytes, row.actual_requests) if settled else None,
        begun=row.begun,
    )
