"""The name of a manifest is in lower case: ``manifest-sha256.txt``. RFC 8493, section 2.4.

Two manifests of one algorithm would otherwise pass for one, and what the second lists would be seen by nobody.
"""

from __future__ import annotations

import re

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule

_ANY_CASE = re.compile(r"(tag)?manifest-[a-z0-9]+\.txt", re.IGNORECASE | re.ASCII)


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(name, f"{name} is no name of a manifest: it would be {name.lower()}")
        for name in bag.contents.listing
        if _ANY_CASE.fullmatch(name) and name != name.lower()
    ]


RULE = Rule("MANIFEST-NAME", "RFC 8493 2.4", BOTH, find)
