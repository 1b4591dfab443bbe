"""Every line of fetch.txt is about a payload file. RFC 8493, section 2.2.3; storage service V34."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each(
        [path for path in bag.fetch.paths if bag.is_whole and path.is_payload and path not in bag.payload], text
    )


def text(paths: Sequence[str]) -> str:
    return f"fetch.txt refers to paths that aren't in the bag manifest: {', '.join(paths)}"


RULE = Rule("FETCH-NOT-IN-MANIFEST", "RFC 8493 2.2.3; V34", BOTH, find, fold=text)
