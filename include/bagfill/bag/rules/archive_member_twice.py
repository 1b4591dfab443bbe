"""A tar or zip file has each member once. RFC 8493, section 2.1.3 (every file exactly once).

Which of the two a program unpacks is its own choice: what was judged need not be what another gets.
"""

from __future__ import annotations

from bagfill.bag.rules.contents import Oddity
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(member.name, f"The archive has this member more than once: {member.name}")
        for member in bag.contents.odd_members
        if member.oddity is Oddity.TWICE
    ]


RULE = Rule("ARCHIVE-MEMBER-TWICE", "RFC 8493 2.1.3", BOTH, find)
