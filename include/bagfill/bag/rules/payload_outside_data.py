"""Every payload file is under data/. RFC 8493, section 2.1.3; storage service V31."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each([path for path in bag.payload if not path.is_payload], text)


def text(paths: Sequence[str]) -> str:
    return f"Not all payload files are in the data/ directory: {', '.join(paths)}"


RULE = Rule("PAYLOAD-OUTSIDE-DATA", "RFC 8493 2.1.3; V31", BOTH, find, fold=text)
