"""A fetched file is not in this version's folder too. Storage service V35; normal in BagIt."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each([path for path in bag.fetch.paths if path in bag.contents.listing], text)


def text(paths: Sequence[str]) -> str:
    return f"Files referred to in the fetch.txt also appear in the bag: {', '.join(paths)}"


RULE = Rule("FETCH-ALSO-CONCRETE", "V35", SERVICE_ONLY, find, fold=text)
