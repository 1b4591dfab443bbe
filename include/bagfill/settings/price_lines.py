"""Which line of a TOML file a key stands on: ``tomllib`` does not tell, and a person looks for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(
    r"""\s*((?:[A-Za-z0-9_.-]|"[^"]*"|'[^']*')+(?:\s*\.\s*(?:[A-Za-z0-9_-]|"[^"]*"|'[^']*')+)*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def line_of(text: str, key: Sequence[str]) -> int:
    """The line (from 1) of a key or of the table it would be in; 1 when neither is found.

    Args:
        text: the file.
        key: path of the key, tables first.
    """
    best, best_length = 1, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _parts(header[1])
            found = table
        elif assignment := _ASSIGNMENT.match(line):
            found = (*table, *_parts(assignment[1]))
        else:
            continue
        if len(found) > best_length and tuple(key[: len(found)]) == found:
            best, best_length = number, len(found)
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
