"""The options of ``bagfill outbox``."""

from __future__ import annotations

from typing import Annotated

import typer

from bagfill.cli.answers import Answers, told_in_words
from bagfill.cli.options import Config, Json, settings_file


def outbox(
    ctx: typer.Context,
    send: Annotated[bool, typer.Option("--send", help="Send what is due now.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Put up again what the service would not create, and send everything.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what a storage service has yet to be told of ingests; exit code 1 if it refused something."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.outbox import run

        code = run(answers, settings_file(ctx, config), send=send, retry=retry)
    raise typer.Exit(code)


def add_outbox_command(app: typer.Typer) -> None:
    """Add it."""
    app.command()(outbox)
