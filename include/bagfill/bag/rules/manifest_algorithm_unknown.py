"""A manifest's algorithm is one that can be computed here. RFC 8493, section 2.4."""

from __future__ import annotations

import re

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import WARNS, Fault, Rule
from bagfill.checksum.algorithm import Algorithm

_MANIFEST = re.compile(r"(?:tag)?manifest-([a-z0-9]+)\.txt", re.ASCII)


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(name, f"{name} was not compared: its algorithm is none of {', '.join(Algorithm)}")
        for name in bag.contents.listing
        if (match := _MANIFEST.fullmatch(name)) and match[1] not in set(Algorithm)
    ]


RULE = Rule("MANIFEST-ALGORITHM-UNKNOWN", "RFC 8493 2.4", WARNS, find)
