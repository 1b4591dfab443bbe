"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="PATH", help="The settings file; else BAGFILL_CONFIG, else include/config/bagfill.toml."
    ),
]


def settings_file(ctx: typer.Context, config: Path | None) -> Path | None:
    """The file that was named after the command, or before it."""
    chosen: Path | None = config or ctx.obj
    return chosen
