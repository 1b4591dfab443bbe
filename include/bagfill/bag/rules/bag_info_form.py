"""A line of bag-info.txt has its label, a colon and a blank side by side. RFC 8493, section 2.2.2 (since BagIt 1.0).

Before 1.0 there may be blanks around the colon.
"""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.declaration is None or bag.declaration.version < (1, 0):
        return []
    found = []
    for number, text in bag.info_lines:
        label, colon, value = text.partition(":")
        continues = text[:1] in {" ", "\t"}
        if colon and not continues and (label != label.strip(" \t") or (value and value[0] not in " \t")):
            message = f"{bag.info_file} line {number}: a label, a colon, one blank and a value are wanted: {text}"
            found.append(Fault(bag.info_file, message))
    return found


RULE = Rule("BAG-INFO-FORM", "RFC 8493 2.2.2", BOTH, find, waivable=True)
