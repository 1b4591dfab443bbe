"""Campaigns as lines and tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from rich.table import Table

from bagfill.campaigns.model import Campaign, CampaignEvent
from bagfill.planning.budget import Caps
from bagfill.planning.thaw_choice import Standing
from bagfill.quantities import show_size
from bagfill.steps.campaign_report import CampaignReport

_UNKNOWN = "unknown"


def campaign_lines(campaign: Campaign, now: datetime | None) -> Iterator[str]:
    """What a campaign is.

    Args:
        now: by the clock of this machine, to say if the registry has seen a later one; ``None``: nothing is said.
    """
    what, account = campaign.definition, campaign.account
    yield f"{campaign.name}: {campaign.state}" + (f" ({campaign.why})" if campaign.why else "")
    yield f"  {what.scope} → {what.destination}" + ("" if what.source is None else f", from {what.source}")
    yield f"  {what.order}" + ("" if what.deadline is None else f", by {what.deadline:%Y-%m-%d %H:%M} UTC")
    for text in _caps(campaign.caps, what.currency):
        yield f"  cap: {text}"
    total = account.total
    yield f"  booked: {total.money:f} {what.currency}, {show_size(total.bytes)}, {total.requests:,} requests"
    if now is not None and account.seen is not None and account.seen - now > timedelta(minutes=5):
        yield f"  A clock showed {account.seen:%Y-%m-%d %H:%M} UTC: caps of a day count for that day until it is over."


def campaigns_table(campaigns: Sequence[Campaign]) -> Table:
    """One line each."""
    table = Table()
    for column in ("campaign", "state", "scope", "destination"):
        table.add_column(column)
    for column in ("booked", "cap", "copied"):
        table.add_column(column, justify="right")
    for each in campaigns:
        what, caps, total = each.definition, each.caps, each.account.total
        cap = "–" if caps.money is None else f"{caps.money:f}"
        booked = f"{total.money:.2f} {what.currency}"
        table.add_row(
            each.name, str(each.state), str(what.scope), what.destination, booked, cap, show_size(total.bytes)
        )
    return table


def outcome_table(report: CampaignReport) -> Table:
    """What was planned beside what was."""
    ingests = ", ".join(f"{count:,} {how}" for how, count in report.ingests.items()) or "no ingests"
    table = Table(title=f"{ingests}{_standing(report)}", title_justify="left")
    table.add_column("")
    for column in ("planned", "so far" if report.ended is None else "actual"):
        table.add_column(column, justify="right")
    planned, total, currency = report.planned, report.total, report.campaign.definition.currency
    money = report.planned_money
    table.add_row(f"money ({currency})", _UNKNOWN if money is None else f"{money:.2f}", f"{total.money:.2f}")
    table.add_row("bytes", _UNKNOWN if planned is None else show_size(planned["bytes"]), show_size(total.bytes))
    requests = report.planned_requests
    table.add_row("requests", _UNKNOWN if requests is None else f"{requests:,}", f"{total.requests:,}")
    seconds, took = report.planned_seconds, report.took
    expected = _UNKNOWN if seconds is None else str(timedelta(seconds=round(seconds)))
    table.add_row("time", expected, "–" if took is None else str(timedelta(seconds=round(took.total_seconds()))))
    for kind, spend in report.spent.items():
        table.add_row(f"  of the money: {kind}", "", f"{spend.money:.2f}")
    return table


def _standing(report: CampaignReport) -> str:
    expected, standing = report.outlook.expected, report.outlook.standing
    end = "" if expected is None else f", forecast to end {expected:%Y-%m-%d %H:%M} UTC"
    match standing:
        case None | Standing.ON_TIME:
            return end
        case Standing.AT_RISK:
            return f"; at risk{end or ', its caps leave too little room'}"
        case Standing.LATE:
            return f"; late: its deadline is over{end}"
        case other:
            assert_never(other)


def history_lines(events: Sequence[CampaignEvent]) -> Iterator[str]:
    """Who did what when."""
    for event in events:
        yield f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.who}: {event.what}"


def _caps(caps: Caps, currency: str) -> Iterator[str]:
    if caps.money is not None:
        yield f"{caps.money:f} {currency} in all"
    if caps.money_a_day is not None:
        yield f"{caps.money_a_day:f} {currency} a day"
    if caps.bytes_a_day is not None:
        yield f"{show_size(caps.bytes_a_day)} a day"
    if caps.requests_a_second is not None:
        yield f"{caps.requests_a_second:g} requests a second"
    if caps.runs_at_once is not None:
        yield f"{caps.runs_at_once} bag versions at once"
    if caps.hours is not None:
        yield f"only at {caps.hours} o'clock UTC"
