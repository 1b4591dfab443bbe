"""A tar or zip file holds one bag, and nothing beside its base folder. RFC 8493, section 2 (one base directory)."""

from __future__ import annotations

from bagfill.bag.rules.contents import Oddity
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(member.name, f"The archive has a file beside the bag's folder: {member.name}")
        for member in bag.contents.odd_members
        if member.oddity is Oddity.OUTSIDE
    ]


RULE = Rule("ARCHIVE-MEMBER-OUTSIDE", "RFC 8493 2", BOTH, find)
