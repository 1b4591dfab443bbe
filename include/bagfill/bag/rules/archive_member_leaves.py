"""No member of a tar or zip file would be written outside the folder it is unpacked in. RFC 8493, section 5.1.

Nothing is unpacked here; others will.
"""

from __future__ import annotations

from bagfill.bag.rules.contents import Oddity
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(member.name, f"A member of the archive leaves the folder it is unpacked in: {member.name}")
        for member in bag.contents.odd_members
        if member.oddity is Oddity.LEAVES
    ]


RULE = Rule("ARCHIVE-MEMBER-LEAVES", "RFC 8493 5.1", BOTH, find)
