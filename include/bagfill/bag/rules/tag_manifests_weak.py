"""A tag manifest uses SHA-256 or SHA-512. Storage service V15."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule
from bagfill.checksum.algorithm import Algorithm

_TEXT = "Tag manifests only use weak checksums: add a tag manifest using SHA-256 or SHA-512"


def find(bag: ParsedBag) -> list[Fault]:
    used = bag.tag_manifests.keys()
    if not used or used & {Algorithm.SHA256, Algorithm.SHA512}:
        return []
    return [Fault("", _TEXT)]


RULE = Rule("TAG-MANIFESTS-WEAK", "V15", SERVICE_ONLY, find, waivable=True)
