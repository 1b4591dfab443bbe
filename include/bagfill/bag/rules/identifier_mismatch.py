"""The bag is the one that was asked for. Storage service V28."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.info is None or bag.contents.identity is None:
        return []
    stated, wanted = bag.info.external_identifier, bag.contents.identity.external_identifier
    if stated == wanted:
        return []
    text = f"External identifier in bag-info.txt does not match request: {stated} is not {wanted}"
    return [Fault(bag.info_file, text)]


RULE = Rule("IDENTIFIER-MISMATCH", "V28", SERVICE_ONLY, find)
