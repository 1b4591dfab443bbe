"""A manifest writes per cent in a path as ``%25``. RFC 8493, section 2.1.3 (since BagIt 1.0).

Most writers do not, so the file is looked for under both spellings.
"""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BAGIT_WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.declaration is None or bag.declaration.version < (1, 0):
        return []
    return [
        Fault(each.meant, f"{each.file} does not write % as %25: {each.written}")
        for each in bag.respelt
        if each.written == each.meant
    ]


RULE = Rule("PERCENT-NOT-ENCODED", "RFC 8493 2.1.3", BAGIT_WARNS, find)
