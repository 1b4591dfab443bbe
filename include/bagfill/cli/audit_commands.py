"""The options of ``bagfill audit`` and ``bagfill repair``."""

from __future__ import annotations

from typing import Annotated

import typer

from bagfill.cli.answers import Answers, CommandError, told_in_words
from bagfill.cli.options import Config, Json, settings_file

Bag = Annotated[str, typer.Argument(metavar="SPACE/ID", help="The bag: space/external identifier.")]


def audit(
    ctx: typer.Context,
    location: Annotated[str | None, typer.Argument(help="A location of the settings file.")] = None,
    scope: Annotated[str | None, typer.Argument(metavar="SPACE[/ID]", help="Only this space, or this bag.")] = None,
    mode: Annotated[
        str, typer.Option(help="list: names, sizes, ETags; read: every byte; sample: files drawn at random.")
    ] = "list",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many replicas, longest not seen first.")] = None,
    today: Annotated[bool, typer.Option("--today", help="Only today's share of what the settings ask for.")] = False,
    resume: Annotated[str | None, typer.Option(metavar="ID", help="Go on with an audit that did not end.")] = None,
    history: Annotated[str | None, typer.Option(metavar="SPACE/ID", help="Show the audits of one bag.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Show what is due; exit code 1 if something is late.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Look again at replicas: missing, changed, damaged and stray objects. Repairs and deletes nothing.

    Exit code 0: all good; 1: findings; 2: it could not be found out, or not yet.
    """
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.audit import AuditOrder, run, show_due, show_history

        path = settings_file(ctx, config)
        if history is not None:
            code = show_history(answers, path, history, location)
        elif due:
            code = show_due(answers, path)
        elif location is None and resume is None:
            raise CommandError("name a LOCATION, or use --history SPACE/ID, --due or --resume ID")
        else:
            code = run(answers, path, AuditOrder(location, scope, mode, limit, today, resume))
    raise typer.Exit(code)


def repair(
    ctx: typer.Context,
    bag: Bag,
    version: Annotated[str, typer.Argument(metavar="vN", help="The version: v1, v2 …")],
    at: Annotated[str, typer.Option("--at", help="The location whose replica lacks files.")],
    source: Annotated[
        str | None, typer.Option("--from", help="The location to read; else the first other one.")
    ] = None,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at a thaw.")] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Copy again what is missing of a registered replica. Overwrites nothing; damage is told with the steps by hand."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.repair import run

        code = run(answers, settings_file(ctx, config), bag, version, at=at, source=source, poll_seconds=poll)
    raise typer.Exit(code)


def add_audit_commands(app: typer.Typer) -> None:
    """Register both."""
    app.command("audit")(audit)
    app.command("repair")(repair)
