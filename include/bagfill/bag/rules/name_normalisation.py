"""A manifest has a file's name in the Unicode normalisation of the file. RFC 8493, section 6.1.1 (tolerated).

The storage service finds no such file.
"""

from __future__ import annotations

from bagfill.bag.paths import nfc
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BAGIT_WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(each.meant, f"{each.file} has the name in another Unicode normalisation: {each.written!a}")
        for each in bag.respelt
        if each.written != each.meant
        and nfc(each.written.decoded()) == nfc(each.meant)
        and each.written.decoded() != each.meant
    ]


RULE = Rule("NAME-NORMALISATION", "RFC 8493 6.1.1", BAGIT_WARNS, find)
