"""The BagIt version is one that has been published: 0.93 to 0.97, and 1.0.

RFC 8493, section 2.1.1. What a later version demands, nobody here knows.
"""

from __future__ import annotations

from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule

_KNOWN = {*((0, minor) for minor in range(93, 98)), (1, 0)}


def find(bag: ParsedBag) -> list[Fault]:
    if bag.declaration is None or bag.declaration.version in _KNOWN:
        return []
    major, minor = bag.declaration.version
    return [Fault(DECLARATION_FILE, f"BagIt {major}.{minor} is no version of BagIt: known are 0.93 to 0.97, and 1.0")]


RULE = Rule("DECLARATION-VERSION-UNKNOWN", "RFC 8493 2.1.1", BOTH, find, waivable=True)
