"""The options of ``bagfill failures`` and ``bagfill retry``."""

from __future__ import annotations

from typing import Annotated

import typer

from bagfill.cli.answers import Answers, told_in_words
from bagfill.cli.options import Config, Json, settings_file


def failures(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option("--to", help="Only what is missing at this location.")] = None,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the bags that need a person, by reason, with what to do; exit code 1 if there are any."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.failures import run

        code = run(answers, settings_file(ctx, config), to=to, space=space)
    raise typer.Exit(code)


def retry(
    ctx: typer.Context,
    bag: Annotated[str | None, typer.Argument(metavar="SPACE/ID", help="The bag; or use --reason.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The location where it is missing.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="CODE", help="Every bag that needs a person for this.")] = None,
    who: Annotated[str | None, typer.Option(help="Who decides; else the user of this computer.")] = None,
    why: Annotated[str, typer.Option(help="What was put right.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let the next sweep try again what a person has put right."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.failures import RetryOrder, run_retry

        code = run_retry(answers, settings_file(ctx, config), RetryOrder(bag, to, reason, who, why))
    raise typer.Exit(code)


def add_failure_commands(app: typer.Typer) -> None:
    """Add both."""
    app.command()(failures)
    app.command()(retry)
