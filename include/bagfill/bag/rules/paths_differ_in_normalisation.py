"""No two files differ in the Unicode normalisation of their names alone. RFC 8493, section 6.1.1 (recommended).

They look the same, and a file system that normalises names keeps only one of them.
"""

from __future__ import annotations

from bagfill.bag.paths import nfc
from bagfill.bag.rules.alike_names import alike
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(path, f"Differs from {other} in Unicode normalisation alone: {path!a} and {other!a}")
        for path, other in alike(bag.names, nfc)
    ]


RULE = Rule("PATHS-DIFFER-IN-NORMALISATION", "RFC 8493 6.1.1", WARNS, find)
