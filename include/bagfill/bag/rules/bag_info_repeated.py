"""What describes the bag as a whole stands in bag-info.txt once. RFC 8493, section 2.2.2 (should)."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import WARNS, Fault, Rule

_ONCE = ("Bagging-Date", "Bag-Size", "Bag-Group-Identifier", "Bag-Count")


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(bag.info_file, f"{label} is repeated in {bag.info_file}: {', '.join(values)}")
        for label in _ONCE
        if len(values := bag.info_tags.values(label)) > 1
    ]


RULE = Rule("BAG-INFO-REPEATED", "RFC 8493 2.2.2", WARNS, find)
