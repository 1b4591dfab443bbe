"""A Bag-Count is ``N of T``, where T may be a question mark. RFC 8493, section 2.2.2."""

from __future__ import annotations

import re

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import WARNS, Fault, Rule

_COUNT = re.compile(r"[0-9]+ of (?:[0-9]+|\?)", re.ASCII)


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(bag.info_file, f"Bag-Count in {bag.info_file} is not N of T: {value}")
        for value in bag.info_tags.values("Bag-Count")
        if not _COUNT.fullmatch(value)
    ]


RULE = Rule("BAG-COUNT", "RFC 8493 2.2.2", WARNS, find)
