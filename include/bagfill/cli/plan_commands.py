"""The options of ``bagfill plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bagfill.cli.answers import Answers, CommandError, told_in_words
from bagfill.cli.options import Config, Json, settings_file


def plan(
    ctx: typer.Context,
    bag: Annotated[
        str | None, typer.Argument(metavar="[SPACE/ID]", help="Only this bag; else everything missing.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="The location that is to gain replicas.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="The location to read; else each bag's primary.")] = None,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="SPACE/ID…", help="Only bags whose name begins with this.")
    ] = None,
    list_file: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Only the bags in a file, SPACE/ID one a line.")
    ] = None,
    look: Annotated[
        str,
        typer.Option(
            help="all: list every bag version for classes and names; sample: some, drawn at random; none; "
            "auto: all of a small scope, else a sample."
        ),
    ] = "auto",
    tag_files: Annotated[
        bool, typer.Option("--read-tag-files", help="Judge the tag files of the bag versions that are listed.")
    ] = False,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long thawed copies live; else as the source says.")
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Plan from an S3 Inventory (its manifest.json) or a CSV with key,size,storage_class, and no access.",
        ),
    ] = None,
    prices_from: Annotated[
        str | None, typer.Option(metavar="TABLE", help="With --inventory: prices of the source, such as aws-us-east-1.")
    ] = None,
    prices_to: Annotated[
        str | None, typer.Option(metavar="TABLE", help="With --inventory: prices of the destination.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what a backfill would move, cost and take, for each thaw tier. Changes nothing.

    Exit code 1 if something cannot go.
    """
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.plan import InventoryOrder, PlanOrder, run, run_inventory

        path = settings_file(ctx, config)
        if inventory is not None:
            if bag or space or prefix or list_file or tag_files:
                raise CommandError(
                    "--inventory plans the whole file: no bag, --space, --prefix, --list or --read-tag-files"
                )
            code = run_inventory(answers, path, InventoryOrder(inventory, to, source, prices_from, prices_to, days))
        elif to is None:
            raise CommandError("name the destination with --to LOCATION, or a list of objects with --inventory FILE")
        elif prices_from or prices_to:
            raise CommandError("--prices-from and --prices-to go with --inventory; locations name their own tables")
        else:
            order = PlanOrder(to, source, bag, space, prefix, list_file, look, tag_files, days)
            code = run(answers, path, order)
    raise typer.Exit(code)


def simulate(
    ctx: typer.Context,
    profile: Annotated[str, typer.Argument(help="wellcome-2020, petabyte, or a TOML file of your own.")],
    seed: Annotated[int, typer.Option(min=0, help="Of all chance; the same seed gives the same simulation.")] = 1,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it over time: .svg, .png or .pdf.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run a campaign on a collection that does not exist, in virtual time, beside a loop of restore, wait and copy.

    Planning, packing, waves and budget are the code that real campaigns run. Exit code 1 if it stopped at a cap.
    """
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.simulate import run

        code = run(answers, settings_file(ctx, config), profile, seed=seed, picture=picture)
    raise typer.Exit(code)


def add_plan_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(plan)
    app.command()(simulate)
