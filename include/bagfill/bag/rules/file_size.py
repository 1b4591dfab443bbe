"""A fetched file has the length fetch.txt gives it. RFC 8493, section 2.2.3; storage service V37."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule
from bagfill.bag.rules.unable_to_verify import unable_to_verify


def find(bag: ParsedBag) -> list[Fault]:
    found: list[Fault] = []
    for entry in bag.fetch:
        size = bag.size_of(entry.path)
        if entry.length is not None and size is not None and size != entry.length:
            text = f"Lengths do not match: {entry.length} (expected) != {size} (actual)"
            found.append(Fault(entry.path, text))
    return found


RULE = Rule("FILE-SIZE", "RFC 8493 2.2.3; V37", BOTH, find, fold=unable_to_verify)
