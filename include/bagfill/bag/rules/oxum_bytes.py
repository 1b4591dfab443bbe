"""Payload-Oxum sums the bytes of the payload, fetched files included. RFC 8493, section 2.2.2; storage service V30."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.oxum is None or not bag.is_whole or not bag.payload_manifests:
        return []
    sizes = [bag.size_of(path) for path in bag.payload]
    known = [size for size in sizes if size is not None]
    # A missing file is another rule's finding, and a wrong count makes the sum meaningless.
    if len(known) < len(sizes) or bag.oxum.payload_files != len(sizes) or sum(known) == bag.oxum.payload_bytes:
        return []
    text = (
        f"Payload-Oxum has the wrong octetstream sum: {bag.oxum.payload_bytes} bytes, "
        f"but bag actually contains {sum(known)} bytes"
    )
    return [Fault(bag.info_file, text)]


RULE = Rule("OXUM-BYTES", "RFC 8493 2.2.2; V30", BOTH, find)
