"""When payload was read, all of it was, by every algorithm the manifests use. Storage service V37.

Without it, a file nobody read would pass for one that is intact. Fetched files are read elsewhere, and counted here
only when somebody looked for them.
"""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule
from bagfill.bag.rules.unable_to_verify import unable_to_verify


def find(bag: ParsedBag) -> list[Fault]:
    if bag.contents.observed is None:
        return []
    return [
        Fault(path, f"Not read: no {promised.algorithm.bagit_name} digest was computed of {path}")
        for path, promised, seen in bag.unmatched
        if seen is None and not (bag.is_elsewhere(path) and bag.contents.fetched_sizes is None)
    ]


RULE = Rule("FILE-NOT-READ", "V37", BOTH, find, fold=unable_to_verify)
