"""data is a folder. RFC 8493, section 2.1.2."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if "data" not in bag.contents.listing:
        return []
    return [Fault("data", "data is a file; payload lies in a folder of that name")]


RULE = Rule("PAYLOAD-FOLDER", "RFC 8493 2.1.2", BOTH, find)
