"""Every file has the checksum every manifest gives it. RFC 8493, section 3 (valid); storage service V37."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule
from bagfill.bag.rules.unable_to_verify import unable_to_verify


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(path, f"Checksum values do not match: expected {promised}, saw {seen}")
        for path, promised, seen in bag.unmatched
        if seen is not None
    ]


RULE = Rule("FILE-CHECKSUM", "RFC 8493 3; V37", BOTH, find, fold=unable_to_verify)
