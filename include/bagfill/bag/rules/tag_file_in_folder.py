"""Every tag file is at the root. Storage service V32; BagIt allows folders."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each([path for path in bag.tags if "/" in path], text)


def text(paths: Sequence[str]) -> str:
    return f"Not all tag files are in the root directory: {', '.join(paths)}"


RULE = Rule("TAG-FILE-IN-FOLDER", "V32", SERVICE_ONLY, find, fold=text, waivable=True)
