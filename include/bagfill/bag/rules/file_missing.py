"""Every file of a manifest is there. RFC 8493, section 3 (complete); storage service V37."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule
from bagfill.bag.rules.unable_to_verify import unable_to_verify


def find(bag: ParsedBag) -> list[Fault]:
    return [Fault(path, _text(bag, path)) for path in bag.listed if _is_missing(bag, path)]


def _is_missing(bag: ParsedBag, path: str) -> bool:
    if bag.is_elsewhere(path):
        return bag.contents.fetched_sizes is not None and path not in bag.contents.fetched_sizes
    return path not in bag.contents.listing


def _text(bag: ParsedBag, path: str) -> str:
    if path not in bag.fetch.paths:
        return f"Location not available! {path} is in a manifest and not in the bag"
    return f"Location not available! {path} was not fetched"


RULE = Rule("FILE-MISSING", "RFC 8493 3; V37", BOTH, find, fold=unable_to_verify)
