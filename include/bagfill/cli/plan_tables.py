"""A plan as tables for people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from rich.table import Table

from bagfill.cli.answers import Answers
from bagfill.planning.costs import CostLine, Totals
from bagfill.planning.forecast import TierForecast
from bagfill.planning.plan import BackfillPlan, Looked
from bagfill.planning.prices import PriceTable
from bagfill.planning.rates import Rate
from bagfill.quantities import show_size

LINE_WORDS = {
    "thaw-requests": "thaw: requests",
    "thaw-retrieval": "thaw: retrieval",
    "thaw-storage": "thaw: copies kept {days} days",
    "source-reads": "reading: requests",
    "source-retrieval": "reading: retrieval",
    "transfer-out": "transfer out of the source",
    "destination-writes": "writing: requests",
    "destination-storage": "first month's storage",
    "read-back-requests": "reading back: requests",
    "read-back-retrieval": "reading back: retrieval",
    "read-back-transfer": "reading back: transfer",
}
_LOOKED = {
    Looked.LISTED: "every bag version was listed",
    Looked.SAMPLED: "{count:,} bag versions drawn at random were listed; the rest is taken to be like them",
    Looked.ASSUMED: "nothing was listed: all is taken to be readable (--look sample or all looks)",
    Looked.INVENTORY: "as the inventory says",
}


def show_plan(answers: Answers, plan: BackfillPlan) -> None:
    """Print a plan: what there is, what cannot go, what it costs, how long it takes."""
    found = plan.collection
    answers.text(f"{plan.scope}: {found.bag_versions:,} bag versions, {found.files:,} files, {show_size(found.bytes)}")
    if found.elsewhere:
        answers.text(f"{found.elsewhere:,} bag versions are at {plan.destination} already")
    if found.bag_versions:
        answers.text(f"largest bag version: {found.largest_bag.name}, {show_size(found.largest_bag.bytes)}")
    if found.largest_file.name:
        answers.text(f"largest file seen: {found.largest_file.name}, {show_size(found.largest_file.bytes)}")
    answers.text(f"storage classes: {_LOOKED[plan.looked].format(count=found.looked_at)}")
    if plan.classes:
        answers.table(_classes(plan))
    if found.refused:
        answers.table(_refused(plan))
    if not found.bag_versions:
        return
    answers.table(_costs(plan))
    answers.table(_times(plan))
    for text in (*_notes(plan), *_prices(plan)):
        answers.text(text)


def show_duration(time: timedelta) -> str:
    """A duration for people: ``3.2 days``."""
    seconds = time.total_seconds()
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length or (unit == "hours" and seconds >= length):
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"


def show_money(amount: Decimal | None, currency: str) -> str:
    """Money for people."""
    return "unknown" if amount is None else f"{amount:,.2f} {currency}"


def show_totals(totals: Totals) -> str:
    """A sum for people: by currency, and whether something is not in it."""
    known = " + ".join(show_money(amount, currency) for currency, amount in totals.money.items())
    if totals.unknown:
        return f"{known} + unknown" if known else "unknown"
    return known or "0.00"


def _classes(plan: BackfillPlan) -> Table:
    table = Table(title="By storage class", title_justify="left")
    table.add_column("storage class")
    table.add_column("state")
    table.add_column("files", justify="right")
    table.add_column("size", justify="right")
    for key, amount in sorted(plan.classes.items()):
        state = "archived" if key.archived else "readable"
        table.add_row(key.storage_class or "–", state, f"{amount.objects:,}", show_size(amount.bytes))
    return table


def _refused(plan: BackfillPlan) -> Table:
    table = Table(title="Cannot go", title_justify="left")
    table.add_column("reason")
    table.add_column("how many", justify="right")
    table.add_column("size", justify="right")
    table.add_column("for example", overflow="fold")
    for reason, refused in sorted(plan.collection.refused.items()):
        name, problem = refused.examples[0]
        table.add_row(reason, f"{refused.bag_versions:,}", show_size(refused.bytes), f"{name}: {problem}")
    return table


def _costs(plan: BackfillPlan) -> Table:
    table = Table(title="Cost", title_justify="left", show_footer=True)
    table.add_column("", footer="together")
    for tier in plan.tiers:
        table.add_column(_heading(plan, tier), justify="right", footer=show_totals(tier.totals))
    for code in dict.fromkeys(line.code for tier in plan.tiers for line in tier.lines):
        lines = [next((line for line in tier.lines if line.code == code), None) for tier in plan.tiers]
        if any(line is not None and (line.money is None or line.money) for line in lines):
            table.add_row(LINE_WORDS[code].format(days=plan.days), *(_money(line) for line in lines))
    return table


def _times(plan: BackfillPlan) -> Table:
    table = Table(title="Time", title_justify="left", show_footer=True)
    table.add_column("", footer="from the first request to the last byte read back")
    for tier in plan.tiers:
        table.add_column(_heading(plan, tier), footer=show_duration(tier.times.total))
    for step in dict.fromkeys(step.step for tier in plan.tiers for step in tier.times.steps):
        found = [next((each for each in tier.times.steps if each.step == step), None) for tier in plan.tiers]
        texts = (
            "–" if each is None else f"{show_duration(timedelta(seconds=each.seconds))}, bound by: {each.bound}"
            for each in found
        )
        table.add_row({"verify": "read back"}.get(step, step), *texts)
    return table


def _heading(plan: BackfillPlan, tier: TierForecast) -> str:
    return tier.tier.value if plan.archived.objects else "nothing to thaw"


def _money(line: CostLine | None) -> str:
    return "–" if line is None else show_money(line.money, line.currency)


def _notes(plan: BackfillPlan) -> list[str]:
    notes = [
        f"{tier.tier.value} is not offered for {name}: asked for as {instead.value}"
        for tier in plan.tiers
        for name, instead in tier.instead.items()
    ]
    unknown = dict.fromkeys(price for tier in plan.tiers for price in tier.totals.unknown)
    return notes + [f"unknown price: {price}" for price in unknown]


def _prices(plan: BackfillPlan) -> list[str]:
    return [
        *dict.fromkeys(_table_words(table) for table in (plan.source_prices, plan.destination_prices) if table),
        f"copying {_rate_words(plan.copy)}; reading back {_rate_words(plan.verify)}",
        *_wait_words(plan),
    ]


def _table_words(table: PriceTable) -> str:
    return f"prices: {table.name} ({table.region}, {table.currency}, looked up {table.date})"


def _rate_words(rate: Rate) -> str:
    speed = f"{show_size(round(1 / rate.seconds_a_byte))}/s" if rate.seconds_a_byte else "any speed"
    origin = "declared"
    if rate.until is not None:
        origin = (
            f"measured over {rate.measured:,} shards until {rate.until:%Y-%m-%d}, {rate.at_once:.1f} workers at once"
        )
    return f"at {speed} and {rate.seconds_a_file:.3g} s a file for each worker ({origin})"


def _wait_words(plan: BackfillPlan) -> list[str]:
    """Measured waits of classes that the plan thaws."""
    archived = {key.storage_class.upper() for key in plan.classes if key.archived}
    return [
        f"{tier.value} thaws of {name} took {show_duration(wait.first)} to {show_duration(wait.last)}"
        f" (measured over {wait.measured:,} groups of requests until {wait.until:%Y-%m-%d})"
        for (name, tier), wait in sorted(plan.waits.items())
        if name in archived
    ]
