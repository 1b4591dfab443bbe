"""No file name ends with a dot, which Azure drops. Storage service V36."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each([path for path in bag.listed if path.endswith(".")], text)


def text(paths: Sequence[str]) -> str:
    return f"Filenames cannot end with a .: {', '.join(paths)}"


RULE = Rule("NAME-ENDS-IN-DOT", "V36", SERVICE_ONLY, find, fold=text, waivable=True)
