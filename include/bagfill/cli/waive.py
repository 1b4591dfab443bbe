"""``bagfill waive`` and ``bagfill waivers``."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from bagfill.bag.identifiers import BagVersionId, InvalidIdentifier
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.registry.waivers import Waiver, newest_of_each
from bagfill.steps.waive import end_waiver, grant_waiver


@dataclass(frozen=True)
class WaiveOrder:
    """What the command line says."""

    bag: str
    version: str
    code: str
    path: str
    why: str
    who: str | None
    until: str | None
    end: bool


def run(answers: Answers, config: Path | None, order: WaiveOrder) -> Exit:
    """Grant or end one waiver, and print it."""
    try:
        bag_version = BagVersionId.parse(f"{order.bag}/{order.version}", stored=True)
    except InvalidIdentifier as error:
        raise CommandError(str(error)) from None
    if order.end and order.until:
        raise CommandError("--end and --until exclude each other: --end ends it now")
    who = order.who or getpass.getuser()
    about = {"code": order.code, "path": order.path, "who": who, "why": order.why}
    with services_for(config) as services:
        if order.end:
            waiver = end_waiver(services, bag_version, **about)
        else:
            waiver = grant_waiver(services, bag_version, until=order.until, **about)
    if answers.as_json:
        answers.document(_document(waiver))
    else:
        what = waiver.path or "the bag as a whole"
        ends = "ended" if order.end else f"until {waiver.until:%Y-%m-%d %H:%M} UTC" if waiver.until else "without end"
        answers.text(f"{bag_version}: {waiver.code} is waived for {what}, {ends}, by {waiver.who}")
    return Exit.DONE


def run_list(answers: Answers, config: Path | None, *, space: str | None, every: bool) -> Exit:
    """Print the waivers that hold, or every decision that was made."""
    with services_for(config) as services:
        found = list(services.waivers.all(space=space))
        if not every:
            found = [waiver for waiver in newest_of_each(found) if waiver.holds_at(services.clock())]
    if answers.as_json:
        answers.document([_document(waiver) for waiver in found])
    elif found:
        answers.table(_table(found))
    else:
        answers.text("No waivers hold." if not every else "No waivers were ever granted.")
    return Exit.DONE


def _document(waiver: Waiver) -> dict[str, object]:
    return {"bag_version": str(waiver.bag_version), **waiver.to_json()}


def _table(waivers: list[Waiver]) -> Table:
    table = Table()
    for column in ("bag version", "rule", "file", "granted", "until", "by", "why"):
        table.add_column(column)
    for waiver in waivers:
        until = "–" if waiver.until is None else f"{waiver.until:%Y-%m-%d %H:%M}"
        granted = f"{waiver.granted:%Y-%m-%d %H:%M}"
        about = (str(waiver.bag_version), waiver.code, waiver.path or "the bag")
        table.add_row(*about, granted, until, waiver.who, waiver.why)
    return table
