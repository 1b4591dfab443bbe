"""The commands and their options. What a command does is in the module of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bagfill.cli.answers import Answers, log_to, told_in_words
from bagfill.cli.audit_commands import add_audit_commands
from bagfill.cli.campaign_commands import campaigns
from bagfill.cli.failure_commands import add_failure_commands
from bagfill.cli.options import Config, Json
from bagfill.cli.options import settings_file as _settings_file
from bagfill.cli.outbox_commands import add_outbox_command
from bagfill.cli.plan_commands import add_plan_commands
from bagfill.cli.receipt import receipts

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Copies existing BagIt bags to a new location, proves every byte, and records the new replica.",
    epilog="Exit codes: 0 done; 1 a negative answer; 2 wrong use or a failure to find out.",
)
database = typer.Typer(no_args_is_help=True, help="The registry's database.")
app.add_typer(database, name="db")
app.add_typer(receipts, name="receipt")
app.add_typer(campaigns, name="campaign")
add_failure_commands(app)
add_outbox_command(app)
add_audit_commands(app)
add_plan_commands(app)


@app.callback()
def options(
    ctx: typer.Context,
    config: Config = None,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            metavar="PATH",
            envvar="BAGFILL_LOG_FILE",
            dir_okay=False,
            help="Add a line of JSON to this file for each shard and each decision.",
        ),
    ] = None,
) -> None:
    """Take the settings file before the command as well as after it, and a file for the log."""
    ctx.obj = config
    log_to(log_file)


@app.command("import")
def import_(
    ctx: typer.Context,
    location: Annotated[str | None, typer.Argument(help="A location of the settings file.")] = None,
    service: Annotated[
        bool, typer.Option("--service", help="Instead: every bag of the storage service that the settings name.")
    ] = False,
    bags: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The bags to ask the service's API for, SPACE/ID one a line."),
    ] = None,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    thaw: Annotated[
        bool, typer.Option("--thaw", help="Thaw tag files that are archived, wait, and read them.")
    ] = False,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at a thaw.")] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Learn bags from a location laid out as the storage service's. Reads tag files, not payload."""
    answers = Answers(as_json)
    with told_in_words(answers):
        if service or bags is not None or location is None:
            from bagfill.cli.import_service import run_service

            code = run_service(answers, _settings_file(ctx, config), location, service=service, bags=bags)
        else:
            from bagfill.cli.import_location import run

            code = run(answers, _settings_file(ctx, config), location, space=space, thaw=thaw, poll_seconds=poll)
    raise typer.Exit(code)


@app.command()
def backfill(
    ctx: typer.Context,
    bag: Annotated[str, typer.Argument(metavar="SPACE/ID", help="The bag: space/external identifier.")],
    to: Annotated[str, typer.Option("--to", help="The location that gets the replica.")],
    version: Annotated[str | None, typer.Option(help="One version: v1, v2 …; else all that are missing.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="The location to read; else each bag's primary.")] = None,
    thaw_tier: Annotated[str | None, typer.Option(help="Expedited, Standard or Bulk.")] = None,
    thaw_days: Annotated[int | None, typer.Option(help="How long thawed copies live.")] = None,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at a thaw.")] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Replicate a bag in this process: thaw, copy, read back, register."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.backfill import BackfillOrder, run

        order = BackfillOrder(bag, to, version, source, thaw_tier, thaw_days)
        code = run(answers, _settings_file(ctx, config), order, poll_seconds=poll)
    raise typer.Exit(code)


@app.command()
def sweep(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option("--to", help="Only this location; else all that policies name.")] = None,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Only what this campaign starts now, in its order and within its caps.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many bags.")] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be started.")] = False,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at a thaw.")] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Replicate in this process what the policies want and the registry lacks, one bag after the other."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.sweep import SweepOrder, run

        path = _settings_file(ctx, config)
        order = SweepOrder(to, space, campaign, limit, dry_run)
        code = run(answers, path, order, poll_seconds=poll)
    raise typer.Exit(code)


@app.command()
def coverage(
    ctx: typer.Context,
    space: Annotated[str | None, typer.Argument(help="Only this space.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show which bag versions are where; exit code 1 if something is missing that a policy wants."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.coverage import run

        code = run(answers, _settings_file(ctx, config), space=space, as_csv=as_csv)
    raise typer.Exit(code)


@app.command()
def ingest(
    ctx: typer.Context,
    ingest_id: Annotated[str, typer.Argument(metavar="ID", help="The ingest's UUID.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show one ingest and its events."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.ingest import run

        code = run(answers, _settings_file(ctx, config), ingest_id)
    raise typer.Exit(code)


@app.command()
def locations(
    ctx: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Try to list each; exit code 1 if one fails.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the configured locations and areas."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.locations import run

        code = run(answers, _settings_file(ctx, config), check=check)
    raise typer.Exit(code)


@app.command()
def doctor(
    ctx: typer.Context,
    location: Annotated[str | None, typer.Argument(help="Only this location; else everything.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show what is all right too.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try what each identity must be able to do, and must not. Exit code 1: something must be mended."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.doctor import run

        code = run(answers, _settings_file(ctx, config), location, every=every)
    raise typer.Exit(code)


@app.command()
def validate(
    ctx: typer.Context,
    place: Annotated[
        str,
        typer.Argument(
            metavar="PATH_OR_URL",
            help="A folder, a tar or zip file, s3://bucket/prefix, az://container/prefix; with --location SPACE/ID/vN.",
        ),
    ],
    profile: Annotated[
        str, typer.Option(help="bagit: the standard alone; storage-service: its rules too.")
    ] = "storage-service",
    connection: Annotated[
        str | None,
        typer.Option(help="Connection id (AIRFLOW_CONN_…) for a URL; else the provider's default credentials."),
    ] = None,
    location: Annotated[str | None, typer.Option(help="A location of the settings file.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Judge one bag version: read every byte, compare every checksum, name every rule that is broken."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.validate import run

        code = run(answers, place, profile, connection, location=location, config=_settings_file(ctx, config))
    raise typer.Exit(code)


@app.command()
def recover(
    ctx: typer.Context,
    place: Annotated[
        str,
        typer.Argument(
            metavar="PATH_OR_URL",
            help="Its folder: a path, s3://bucket/prefix, az://container/prefix; with --location SPACE/ID/vN.",
        ),
    ],
    into: Annotated[Path, typer.Option(help="A new folder, or that of a recovery that was interrupted.")],
    connection: Annotated[
        str | None,
        typer.Option(help="Connection id (AIRFLOW_CONN_…) for a URL; else the provider's default credentials."),
    ] = None,
    location: Annotated[str | None, typer.Option(help="A location of the settings file.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write one bag version from a replica into a folder, fetched files included, and prove it; asks nobody else."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.recover import run

        code = run(answers, place, into, connection, location=location, config=_settings_file(ctx, config))
    raise typer.Exit(code)


@app.command()
def waive(
    ctx: typer.Context,
    bag: Annotated[str, typer.Argument(metavar="SPACE/ID", help="The bag: space/external identifier.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="v1, v2 …")],
    code: Annotated[str, typer.Option(help="The rule, as a finding names it.")],
    why: Annotated[str, typer.Option(help="The reason, for those who read the receipt.")],
    path: Annotated[str, typer.Option(help="The file, as the finding names it; else the bag as a whole.")] = "",
    who: Annotated[str | None, typer.Option(help="Who decides; else the user of this computer.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="When it ends, YYYY-MM-DD; else never.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the waiver that holds.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let one known bag version be replicated although it breaks one rule. Fixity is never waived."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.waive import WaiveOrder, run

        order = WaiveOrder(bag, version, code, path, why, who, until, end)
        exit_code = run(answers, _settings_file(ctx, config), order)
    raise typer.Exit(exit_code)


@app.command()
def waivers(
    ctx: typer.Context,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every decision, also what ended or was replaced.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the waivers that hold."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.waive import run_list

        code = run_list(answers, _settings_file(ctx, config), space=space, every=every)
    raise typer.Exit(code)


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C; prints address and login.")
    ] = False,
    service: Annotated[
        bool, typer.Option("--service", help="Beside a stand-in for a storage service: its bags, its ingests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replicate sample bags from S3 to Azure, both embedded, through a real Airflow; then report."""
    answers = Answers(as_json)
    with told_in_words(answers):
        if service:
            from bagfill.cli.demo_service import run
        else:
            from bagfill.cli.demo import run

        code = run(answers, keep=keep)
    raise typer.Exit(code)


@database.command("upgrade")
def upgrade(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """Make the tables, or bring those of an older Bagfill up to date."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.database import run

        code = run(answers, _settings_file(ctx, config))
    raise typer.Exit(code)


@database.command("recount")
def recount(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """Count coverage anew from the rows, after other hands than Bagfill's changed them."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.database import run_recount

        code = run_recount(answers, _settings_file(ctx, config))
    raise typer.Exit(code)


@database.command("downgrade")
def downgrade(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(help="The newest revision that the older release knows, such as 0008.")],
    sure: Annotated[bool, typer.Option("--yes", help="Lose what later revisions added.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take the tables back to what an older Bagfill knows. Nothing may run meanwhile."""
    answers = Answers(as_json)
    with told_in_words(answers):
        from bagfill.cli.database import run_downgrade

        code = run_downgrade(answers, _settings_file(ctx, config), revision, sure=sure)
    raise typer.Exit(code)
