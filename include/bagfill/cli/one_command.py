"""The command line cut down to the command that was asked for."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import typer
from typer.main import get_command_name


def with_one_command(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """The same command line without the commands that were not asked for.

    Typer works out the options of every command before it runs one, which takes longer than to judge a small bag. Where
    the first argument names no command (none, an option, a slip), all stay: to be listed, and for what is said of it.
    """
    asked = arguments[0] if arguments else ""
    commands = [
        command
        for command in app.registered_commands
        if command.callback is not None and (command.name or get_command_name(command.callback.__name__)) == asked
    ]
    groups = [group for group in app.registered_groups if group.name == asked]
    if not commands and not groups:
        return app
    narrowed = copy.copy(app)
    narrowed.registered_commands = commands
    narrowed.registered_groups = groups
    return narrowed
