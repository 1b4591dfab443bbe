"""No two files differ in letter case alone. RFC 8493, section 6.1.1 (recommended).

A file system that does not tell cases apart keeps only one of them; whether a destination does is asked before copying.
"""

from __future__ import annotations

from bagfill.bag.rules.alike_names import alike
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(path, f"Differs from {other} in letter case alone: {path}")
        for path, other in alike(bag.names, str.casefold)
    ]


RULE = Rule("PATHS-DIFFER-IN-CASE", "RFC 8493 6.1.1", WARNS, find)
