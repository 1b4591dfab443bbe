"""The plan that is kept with a campaign, in Markdown, for the person who is to approve of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bagfill.campaigns.model import Campaign, caps_to_json
from bagfill.quantities import show_size


def approval_text(campaign: Campaign, plan: Mapping[str, Any] | None) -> str:
    """What is asked: scope, caps, what it comes to line by line, and how long it takes.

    Args:
        plan: as :func:`bagfill.steps.campaign_plan.plan_campaign` keeps it; ``None``: there is none.
    """
    return "\n".join(_lines(campaign, plan))


def _lines(campaign: Campaign, plan: Mapping[str, Any] | None) -> Iterator[str]:
    what = campaign.definition
    yield f"**{campaign.name}**: {what.scope}, to `{what.destination}`. {campaign.why}"
    caps = [f"{name.replace('_', ' ')} {value}" for name, value in caps_to_json(campaign.caps).items() if value]
    yield ""
    yield f"Caps: {', '.join(caps) or 'none'}. Money in {what.currency}."
    if what.deadline is not None:
        yield f"Deadline: {what.deadline:%Y-%m-%d %H:%M} UTC."
    if plan is None:
        yield "No plan is kept with it."
        return
    yield ""
    yield f"- {plan['bag_versions']:,} bag versions, {plan['files']:,} files, {show_size(plan['bytes'])}"
    yield f"- archived: {plan['archived_files']:,} files, {show_size(plan['archived_bytes'])}"
    for reason, refused in plan["cannot_go"].items():
        yield f"- cannot go ({reason}): {refused['bag_versions']:,} bag versions"
    for tier in plan["tiers"]:
        yield ""
        chosen = " (chosen)" if tier["tier"] == plan["tier"] else ""
        hours = tier["time"]["total_seconds"] / 3600
        yield f"### {tier['tier']}{chosen}: {_total(tier['total'])}, about {hours:,.1f} hours"
        yield ""
        yield "| Line | Quantity | Money |"
        yield "| --- | ---: | ---: |"
        for line in tier["lines"]:
            money = "unknown" if line["money"] is None else f"{line['money']} {line['currency'] or ''}"
            yield f"| {line['code']} | {line['quantity']} {line['unit']} | {money} |"


def _total(total: Mapping[str, Any]) -> str:
    known = " + ".join(f"{amount} {currency}" for currency, amount in total["money"].items()) or "nothing known"
    unknown = total["unknown_prices"]
    return f"{known}, and unknown: {', '.join(unknown)}" if unknown else known
