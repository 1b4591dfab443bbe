"""Every member of a tar or zip file is a file or a folder: no link, no device. RFC 8493, section 2.1.3.

A manifest lists files; what a link stands for depends on where it is unpacked.
"""

from __future__ import annotations

from bagfill.bag.rules.contents import Oddity
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(member.name, f"The archive has a member that is neither file nor folder: {member.name}")
        for member in bag.contents.odd_members
        if member.oddity is Oddity.NOT_A_FILE
    ]


RULE = Rule("ARCHIVE-MEMBER-NOT-A-FILE", "RFC 8493 2.1.3", BOTH, find)
