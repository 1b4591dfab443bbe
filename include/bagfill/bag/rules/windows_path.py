"""No path leaves the bag where a backslash separates folders: drive letters, UNC names. RFC 8493, section 5.1."""

from __future__ import annotations

import re

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule

_LEAVES = re.compile(r"\\|[A-Za-z]:|.*[\\/]\.\.(?:[\\/]|\Z)|\.\.\\", re.DOTALL)


def find(bag: ParsedBag) -> list[Fault]:
    return [
        Fault(path, f"Path leaves the bag where a backslash separates folders: {path}")
        for path in bag.listed.union(bag.fetch.paths)
        if ("\\" in path or path[1:2] == ":") and _LEAVES.match(path)
    ]


RULE = Rule("PATH-LEAVES-BAG-ON-WINDOWS", "RFC 8493 5.1", BOTH, find)
