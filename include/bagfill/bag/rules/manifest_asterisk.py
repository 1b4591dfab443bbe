"""A manifest has no asterisk before a path. RFC 8493, section 6.1.3.

``md5sum --binary`` writes it; it is tolerated here, and other programs do not find the file.
"""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BAGIT_WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(each.meant, f"{each.file} has an asterisk before the path: {each.written}")
        for each in bag.respelt
        if each.written.startswith("*") and not each.meant.startswith("*")
    ]


RULE = Rule("MANIFEST-ASTERISK", "RFC 8493 6.1.3", BAGIT_WARNS, find)
