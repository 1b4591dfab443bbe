"""Files that a new campaign is made from: lists of bags, and of their priorities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bagfill.cli.answers import CommandError


def bags_of(path: Path) -> tuple[str, ...]:
    """Bags, one a line, as ``space/external identifier``; empty lines and lines with ``#`` are skipped.

    Raises:
        CommandError: it cannot be read.
    """
    return tuple(line for _, line in _lines(path, "--bags"))


def priorities_of(path: Path) -> dict[str, int]:
    """Priorities of bags and spaces: ``space/external identifier,priority`` or ``space,priority``, one a line.

    Raises:
        CommandError: it cannot be read, says something else, names none, or names one twice.
    """
    found: dict[str, int] = {}
    for number, line in _lines(path, "--priorities"):
        where = f"--priorities: {path}, line {number}"
        # An external identifier may have commas of its own.
        name, comma, priority = line.rpartition(",")
        try:
            value = int(priority)
        except ValueError:
            value = None
        if not (name and comma) or value is None:
            raise CommandError(f"{where}: found {line!r}, needed is SPACE/ID,PRIORITY with a whole number")
        if name in found:
            raise CommandError(f"{where}: {name} is named twice")
        found[name] = value
    if not found:
        raise CommandError(f"--priorities: {path} names no bag and no space")
    return found


def _lines(path: Path, option: str) -> Iterator[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option}: {path} cannot be read: {error}") from None
    yield from ((number, line) for number, line in enumerate(lines, start=1) if line and not line.startswith("#"))
