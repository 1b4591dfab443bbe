"""The options of ``bagfill campaign …``. What the commands do is in :mod:`bagfill.cli.campaign`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bagfill.cli.answers import Answers, told_in_words
from bagfill.cli.options import Config, Json, settings_file

campaigns = typer.Typer(no_args_is_help=True, help="Campaigns: what to replicate where, by when, for at most how much.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign's name.")]
Who = Annotated[str | None, typer.Option(help="Who decides; else the user of this computer.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the history.")]
Money = Annotated[str | None, typer.Option("--cap", metavar="AMOUNT", help="Most money in all.")]
MoneyADay = Annotated[str | None, typer.Option("--cap-a-day", metavar="AMOUNT", help="Most money a day (UTC).")]
BytesADay = Annotated[str | None, typer.Option("--bytes-a-day", metavar="SIZE", help="Most to copy a day: 2 TB.")]
Rate = Annotated[float | None, typer.Option(help="Most requests a second, of all tasks together.")]
Runs = Annotated[int | None, typer.Option(min=1, help="Most bag versions in work at the same time.")]
Hours = Annotated[str | None, typer.Option(metavar="FROM-TO", help="Hours of the day (UTC) to work in: 22-6.")]


@campaigns.command()
def create(
    ctx: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option("--to", help="The location that gains replicas.")],
    source: Annotated[str | None, typer.Option("--from", help="The location to read, where a bag is there.")] = None,
    space: Annotated[list[str] | None, typer.Option(help="Only this space; may be given several times.")] = None,
    bag: Annotated[list[str] | None, typer.Option(metavar="SPACE/ID", help="Only this bag; several times.")] = None,
    bags: Annotated[Path | None, typer.Option(metavar="FILE", help="Only the bags of this file, one a line.")] = None,
    prefix: Annotated[str, typer.Option(help="Only bags whose SPACE/ID begins so.")] = "",
    thaw_tier: Annotated[
        str | None, typer.Option(help="Expedited, Standard, Bulk, or auto: the cheapest that makes the deadline.")
    ] = None,
    thaw_tier_of: Annotated[
        list[str] | None, typer.Option(metavar="CLASS=TIER", help="Of one storage class; several times.")
    ] = None,
    thaw_days: Annotated[int | None, typer.Option(help="How long thawed copies live.")] = None,
    deadline: Annotated[str | None, typer.Option(metavar="DATE", help="By when, YYYY-MM-DD.")] = None,
    after_deadline: Annotated[
        str, typer.Option(help="go-on: bags are begun all the same; start-nothing: what has begun is finished.")
    ] = "go-on",
    order: Annotated[
        str, typer.Option(help="smallest-first, oldest-first, archived-together or priority.")
    ] = "smallest-first",
    priorities: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines SPACE/ID,NUMBER or SPACE,NUMBER; higher goes first.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Of every amount of money.")] = "USD",
    unknown_prices: Annotated[
        bool, typer.Option("--unknown-prices", help="Do what has no known price too, booked as nothing.")
    ] = False,
    cap: Money = None,
    cap_a_day: MoneyADay = None,
    bytes_a_day: BytesADay = None,
    requests_a_second: Rate = None,
    runs_at_once: Runs = None,
    hours: Hours = None,
    who: Who = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Declare a campaign, as a draft: nothing is started, nothing is paid."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.campaign import CampaignOrder, CapsOrder, run_create

        caps = CapsOrder(cap, cap_a_day, bytes_a_day, requests_a_second, runs_at_once, hours)
        what = CampaignOrder(
            name, to, source, tuple(space or ()), tuple(bag or ()), bags, prefix, thaw_tier, tuple(thaw_tier_of or ()),
            thaw_days, deadline, after_deadline, order, priorities, currency, unknown_prices, caps,
        )  # fmt: skip
        code = run_create(answers, settings_file(ctx, config), what, who)
    raise typer.Exit(code)


@campaigns.command("list")
def list_(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """Show all campaigns."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.campaign import run_list

        code = run_list(answers, settings_file(ctx, config))
    raise typer.Exit(code)


@campaigns.command()
def show(ctx: typer.Context, name: Name, config: Config = None, as_json: Json = False) -> None:
    """Show one campaign: state, caps, what it has spent and done beside what was planned, and its history."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.campaign import run_show

        code = run_show(answers, settings_file(ctx, config), name)
    raise typer.Exit(code)


@campaigns.command()
def start(ctx: typer.Context, name: Name, who: Who = None, config: Config = None, as_json: Json = False) -> None:
    """Plan a draft and let it run; above campaigns.approval_above it waits for approval."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.campaign import run_start

        code = run_start(answers, settings_file(ctx, config), name, who)
    raise typer.Exit(code)


def _add(action: str, what: str) -> None:
    """Add a command that changes a campaign's state."""

    @campaigns.command(action, help=what)
    def change(
        ctx: typer.Context, name: Name, who: Who = None, why: Why = "", config: Config = None, as_json: Json = False
    ) -> None:
        answers = Answers(as_json)
        with told_in_words(answers):
            from bagfill.cli.campaign import run_change

            code = run_change(answers, settings_file(ctx, config), name, action, who, why)
        raise typer.Exit(code)


_PAID = "Bags whose thaw was paid are still carried to their registration."
for _action, _what in {
    "approve": "Approve of the plan of a campaign that waits for it.",
    "reject": "Send a campaign that waits for approval back to be a draft.",
    "pause": f"Stop within a minute. {_PAID}",
    "resume": "Go on after a pause, a drain that is not over, or a cap that was raised.",
    "drain": "Finish the bags that are in work, start no others, then be done.",
    "cancel": f"End for good, within a minute. {_PAID}",
}.items():
    _add(_action, _what)


@campaigns.command()
def caps(
    ctx: typer.Context,
    name: Name,
    cap: Money = None,
    cap_a_day: MoneyADay = None,
    bytes_a_day: BytesADay = None,
    requests_a_second: Rate = None,
    runs_at_once: Runs = None,
    hours: Hours = None,
    who: Who = None,
    why: Why = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Change caps; what is not given stays, and "none" takes a cap away. Afterwards: bagfill campaign resume."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.campaign import CapsOrder, run_caps

        order = CapsOrder(cap, cap_a_day, bytes_a_day, requests_a_second, runs_at_once, hours)
        code = run_caps(answers, settings_file(ctx, config), name, order, who, why)
    raise typer.Exit(code)
