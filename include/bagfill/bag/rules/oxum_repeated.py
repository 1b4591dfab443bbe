"""The Payload-Oxum stands in bag-info.txt once. RFC 8493, section 2.2.2.

The storage service tolerates it repeated with one value; BagIt does not.
"""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    values = bag.info_tags.values("Payload-Oxum")
    if len(values) < 2 or len(set(values)) > 1:
        return []
    return [Fault(bag.info_file, f"Payload-Oxum is repeated in {bag.info_file}: {', '.join(values)}")]


RULE = Rule("OXUM-REPEATED", "RFC 8493 2.2.2", BOTH, find, waivable=True)
