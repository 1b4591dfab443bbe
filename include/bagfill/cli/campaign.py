"""``bagfill campaign …``."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.campaign_files import bags_of, priorities_of
from bagfill.cli.campaign_tables import campaign_lines, campaigns_table, history_lines, outcome_table
from bagfill.cli.plan_tables import show_plan
from bagfill.cli.services import services_for
from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.order import Order
from bagfill.quantities import parse_size
from bagfill.steps.campaign_report import campaign_report
from bagfill.steps.campaigns import (
    act_on_campaign,
    approve_campaign,
    change_caps,
    create_campaign,
    known_campaign,
    reject_campaign,
    start_campaign,
)

_NO_CAP = "none"


@dataclass(frozen=True, slots=True)
class CapsOrder:
    """Caps as the command line says them; ``None``: not given."""

    cap: str | None = None
    cap_a_day: str | None = None
    bytes_a_day: str | None = None
    requests_a_second: float | None = None
    runs_at_once: int | None = None
    hours: str | None = None

    def changed(self, caps: Caps) -> Caps:
        """The caps with what was given. Raises CommandError."""
        changes: dict[str, object] = {}
        if self.cap is not None:
            changes["money"] = _money("--cap", self.cap)
        if self.cap_a_day is not None:
            changes["money_a_day"] = _money("--cap-a-day", self.cap_a_day)
        try:
            if self.bytes_a_day is not None:
                changes["bytes_a_day"] = None if self.bytes_a_day == _NO_CAP else parse_size(self.bytes_a_day)
            if self.hours is not None:
                changes["hours"] = None if self.hours == _NO_CAP else DayHours.parse(self.hours)
            if self.requests_a_second is not None:
                changes["requests_a_second"] = self.requests_a_second
            if self.runs_at_once is not None:
                changes["runs_at_once"] = self.runs_at_once
            return replace(caps, **changes)  # type: ignore[arg-type]  # each key has the type of its field
        except ValueError as error:
            raise CommandError(str(error)) from None


@dataclass(frozen=True, slots=True)
class CampaignOrder:
    """What the command line says of a new campaign."""

    name: str
    to: str
    source: str | None
    spaces: tuple[str, ...]
    bags: tuple[str, ...]
    list_file: Path | None
    prefix: str
    thaw_tier: str | None
    tiers_of: tuple[str, ...]
    thaw_days: int | None
    deadline: str | None
    after_deadline: str
    order: str
    priorities: Path | None
    currency: str
    unknown_prices: bool
    caps: CapsOrder

    def definition(self) -> Definition:
        """As a campaign is defined. Raises CommandError."""
        if self.order not in set(Order):
            raise CommandError(f"--order: found {self.order!r}, allowed are {', '.join(Order)}")
        if self.after_deadline not in set(AfterDeadline):
            allowed = ", ".join(AfterDeadline)
            raise CommandError(f"--after-deadline: found {self.after_deadline!r}, allowed are {allowed}")
        listed = () if self.list_file is None else bags_of(self.list_file)
        if self.list_file is not None and not listed:
            raise CommandError(f"--bags: {self.list_file} names no bag")
        try:
            return Definition(
                Scope(self.spaces, tuple(dict.fromkeys((*self.bags, *listed))), self.prefix),
                self.to,
                source=self.source,
                thaw_tier=self.thaw_tier,
                thaw_tiers=dict(map(_tier_of, self.tiers_of)),
                thaw_days=self.thaw_days,
                deadline=None if self.deadline is None else _day(self.deadline),
                after_deadline=AfterDeadline(self.after_deadline),
                order=Order(self.order),
                priorities={} if self.priorities is None else priorities_of(self.priorities),
                currency=self.currency,
                unknown_prices=self.unknown_prices,
            )
        except ValueError as error:
            raise CommandError(str(error)) from None


def run_create(answers: Answers, config: Path | None, order: CampaignOrder, who: str | None) -> Exit:
    """Declare a campaign, and print it."""
    definition, caps = order.definition(), order.caps.changed(Caps())
    with services_for(config) as services:
        campaign = create_campaign(services, order.name, definition, caps, who=_who(who))
    _answer(answers, campaign)
    if not answers.as_json:
        answers.remark(f"A draft: bagfill campaign start {campaign.name} plans it and lets it run.")
    return Exit.DONE


def run_list(answers: Answers, config: Path | None) -> Exit:
    """Print all campaigns."""
    with services_for(config) as services:
        found = services.campaigns.all()
    if answers.as_json:
        answers.document([campaign.to_json() for campaign in found])
    elif found:
        answers.table(campaigns_table(found))
    else:
        answers.text("No campaigns; bagfill campaign create NAME --to LOCATION declares one.")
    return Exit.DONE


def run_show(answers: Answers, config: Path | None, name: str) -> Exit:
    """Print one campaign with what it did."""
    with services_for(config) as services:
        report = campaign_report(services, known_campaign(services, name))
        history = services.campaigns.events(name)
    if answers.as_json:
        answers.document({**report.to_json(), "history": [event.to_json() for event in history]})
        return Exit.DONE
    for line in campaign_lines(report.campaign, report.now):
        answers.text(line)
    answers.table(outcome_table(report))
    for line in history_lines(history):
        answers.text(line)
    return Exit.DONE


def run_start(answers: Answers, config: Path | None, name: str, who: str | None) -> Exit:
    """Plan and start a draft; exit code 1 if it waits for approval."""
    with services_for(config) as services:
        started = start_campaign(services, name, who=_who(who))
        plan = services.campaigns.remembered(name, "plan")
    waits = started.campaign.state is CampaignState.AWAITING_APPROVAL
    if answers.as_json:
        answers.document({**started.campaign.to_json(), "plan": plan})
    else:
        show_plan(answers, started.planned.plan)
        _answer(answers, started.campaign)
        if waits:
            answers.remark(f"It waits: bagfill campaign approve {name}, or the DAG approve_campaign.")
    return Exit.NEGATIVE if waits else Exit.DONE


def run_change(answers: Answers, config: Path | None, name: str, action: str, who: str | None, why: str) -> Exit:
    """Approve, reject, pause, resume, drain or cancel."""
    with services_for(config) as services:
        judge = {"approve": approve_campaign, "reject": reject_campaign}.get(action)
        if judge is not None:
            campaign = judge(services, name, who=_who(who), why=why)
        else:
            campaign = act_on_campaign(services, name, action, who=_who(who), why=why)
    _answer(answers, campaign)
    return Exit.DONE


def run_caps(answers: Answers, config: Path | None, name: str, order: CapsOrder, who: str | None, why: str) -> Exit:
    """Change caps."""
    with services_for(config) as services:
        caps = order.changed(known_campaign(services, name).caps)
        campaign = change_caps(services, name, caps, who=_who(who), why=why)
    _answer(answers, campaign)
    return Exit.DONE


def _answer(answers: Answers, campaign: Campaign) -> None:
    if answers.as_json:
        answers.document(campaign.to_json())
    else:
        for line in campaign_lines(campaign, None):
            answers.text(line)


def _who(who: str | None) -> str:
    return who or getpass.getuser()


def _money(option: str, text: str) -> Decimal | None:
    if text == _NO_CAP:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{option}: found {text!r}, needed is an amount such as 500 or 99.50, or none") from None


def _day(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--deadline: found {text!r}, needed is YYYY-MM-DD") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _tier_of(text: str) -> tuple[str, str]:
    name, equals, tier = text.partition("=")
    if not (name and equals and tier):
        raise CommandError(f"--thaw-tier-of: found {text!r}, needed is CLASS=TIER, such as DEEP_ARCHIVE=Bulk")
    return name.upper(), tier
