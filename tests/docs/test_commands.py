"""Every ``bagfill …`` command that a page or the README shows exists, with the options it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bagfill.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Written from the code, or about what was decided once.
LEFT_OUT = ("docs/reference/cli.md", "docs/decisions/")
_CODE = re.compile(
    r"^\s*```(?:sh|console|shell|bash)\n(?P<block>.*?)^\s*```|`(?P<span>[^`\n]+)`", re.DOTALL | re.MULTILINE
)
# At its beginning, behind a prompt, a variable and a folder.
_COMMAND = re.compile(r"(?:\$ |> )?(?:[A-Z_]+=\S* )*(?:\S*/)?bagfill\s+(?P<rest>[a-z].*)")


def shown(text: str) -> Iterator[str]:
    """The commands in code blocks and code spans, without what a shell adds to them."""
    for found in _CODE.finditer(text):
        code = found["block"] or found["span"] or ""
        for line in code.replace("\\\n", " ").splitlines():
            for part in re.split(r"\|\||&&|, or |[|;]", line.partition(" #")[0]):
                words = _COMMAND.match(part.strip())
                if words:
                    yield words["rest"].rstrip("`., ")


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and the words after its name."""
    command: Any = typer.main.get_command(app)
    while words and getattr(command, "commands", None):
        assert words[0] in command.commands, f"no command {words[0]!r} in `bagfill {' '.join(words)}`"
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    if str(page.relative_to(ROOT)).startswith(LEFT_OUT):
        return
    for text in shown(page.read_text()):
        words = [
            word for word in re.sub(r"[\[\]…]|\.\.\.", " ", text).replace("'", "").replace('"', "").split() if word
        ]
        if words[0].startswith("--"):
            continue
        command, rest = find(words)
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used <= known, f"`bagfill {text}`: unknown {sorted(used - known)}"


def test_a_command_that_does_not_exist_would_be_found() -> None:
    [text] = shown("```sh\nbagfill replicate a/b --to c   # comment\n```\n")
    with pytest.raises(AssertionError, match="no command 'replicate'"):
        find(shlex.split(text))
