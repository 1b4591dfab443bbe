"""The command line is cut down to the command that was asked for, and to nothing else."""

from __future__ import annotations

import pytest
from typer.main import get_command

from bagfill.cli.app import app
from bagfill.cli.one_command import with_one_command


def names(arguments: list[str]) -> set[str]:
    command = get_command(with_one_command(app, arguments))
    return set(command.commands)  # type: ignore[attr-defined]  # a group, as `app` has options of its own


ALL = names([])


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_and_group_is_found_by_its_name(name: str) -> None:
    assert names([name, "--help"]) == {name}


@pytest.mark.parametrize("first", ["--help", "--config", "validat", "", "-h"])
def test_all_commands_stay_where_none_is_named(first: str) -> None:
    assert names([first, "validate"]) == ALL


def test_the_command_line_itself_stays_whole() -> None:
    with_one_command(app, ["validate"])
    assert names([]) == ALL
    assert len(ALL) > 20
