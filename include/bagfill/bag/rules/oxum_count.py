"""Payload-Oxum counts the payload files, fetched ones included. RFC 8493, section 2.2.2; storage service V29."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.oxum is None or not bag.is_whole or not bag.payload_manifests:
        return []
    stated, listed = bag.oxum.payload_files, len(bag.payload)
    if stated == listed:
        return []
    text = f"Payload-Oxum has the wrong number of payload files: {stated}, but bag manifest has {listed}"
    return [Fault(bag.info_file, text)]


RULE = Rule("OXUM-COUNT", "RFC 8493 2.2.2; V29", BOTH, find)
