"""A tag file in UTF-8 does not begin with a byte order mark. RFC 8493, section 2.3."""

from __future__ import annotations

from codecs import BOM_UTF8

from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule
from bagfill.bag.tag_data import first_bytes


def find(bag: ParsedBag) -> list[Fault]:
    # That of bagit.txt itself is another rule's.
    return [
        Fault(name, f"{name} begins with a byte order mark, which UTF-8 does not need")
        for name, data in bag.contents.tag_files.items()
        if name != DECLARATION_FILE and bag.is_utf8 and first_bytes(data, len(BOM_UTF8)) == BOM_UTF8
    ]


RULE = Rule("TAG-FILE-BOM", "RFC 8493 2.3", BOTH, find, waivable=True)
