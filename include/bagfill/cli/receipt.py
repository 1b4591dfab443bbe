"""``bagfill receipt …``: the commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bagfill.cli.answers import Answers, told_in_words
from bagfill.cli.options import Config, Json, settings_file

receipts = typer.Typer(no_args_is_help=True, help="The evidence for replicas.")

BagArgument = Annotated[
    str, typer.Argument(metavar="BAG", help="The bag: space/external identifier, and /vN for one version.")
]


@receipts.command()
def verify(
    ctx: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_KEY…",
            help="Files and folders with receipts and seals; names in the receipt store; a location's name for all.",
        ),
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="A part of a chain was given: what is not there is no problem.")
    ] = False,
    head: Annotated[
        list[str] | None, typer.Option(metavar="SHA256", help="A seal that must be the newest of its chain.")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Every seal must be signed by this key, or one of several."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Read each replica again, every byte, and compare every digest.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check form, hashes, Merkle root and chain of receipts; files are checked offline."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.receipt_verify import VerifyOrder, run

        order = VerifyOrder(tuple(places), partial, tuple(head or ()), tuple(public_key or ()), live)
        code = run(answers, settings_file(ctx, config), order)
    raise typer.Exit(code)


@receipts.command()
def show(
    ctx: typer.Context,
    bag: BagArgument,
    at: Annotated[str, typer.Option("--at", metavar="LOCATION", help="The replica's location.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print the receipt's own text.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the receipt of a replica and its seal; without /vN the bag's newest version."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.receipt_show import show as run

        code = run(answers, settings_file(ctx, config), bag, at, raw=raw)
    raise typer.Exit(code)


@receipts.command()
def premis(
    ctx: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE_OR_KEY", help="One receipt.")],
    config: Config = None,
) -> None:
    """Print a receipt's events, agents and objects as PREMIS 3 (XML)."""
    answers = Answers(as_json=False)
    with told_in_words(answers):
        from bagfill.cli.receipt_show import premis as run

        code = run(settings_file(ctx, config), place)
    raise typer.Exit(code)


@receipts.command()
def seal(
    ctx: typer.Context,
    location: Annotated[str, typer.Argument(help="A location of the settings file.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write the seals that a killed process left unwritten, and print the head of the location's chain."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.receipt_show import seal as run

        code = run(answers, settings_file(ctx, config), location)
    raise typer.Exit(code)
