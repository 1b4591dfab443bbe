"""A payload manifest uses SHA-256 or SHA-512. Storage service V14."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule
from bagfill.checksum.algorithm import Algorithm

_TEXT = "Payload manifests only use deprecated checksums: add a payload manifest using SHA-256 or SHA-512"


def find(bag: ParsedBag) -> list[Fault]:
    used = bag.payload_manifests.keys()
    if not used or used & {Algorithm.SHA256, Algorithm.SHA512}:
        return []
    return [Fault("", _TEXT)]


RULE = Rule("PAYLOAD-MANIFESTS-WEAK", "V14", SERVICE_ONLY, find, waivable=True)
