"""Every tag file can be read: it is there, and no bomb. Storage service V21."""

from __future__ import annotations

from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.bag.errors import FormatCode, loading
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    unread = [Fault(name, _text(name, reason)) for name, reason in bag.contents.unreadable.items()]
    too_large = (fault for fault in bag.faults if fault.code is FormatCode.TAG_FILE_UNREADABLE)
    return unread + [Fault(fault.file, fault.message) for fault in too_large]


def _text(name: str, reason: str) -> str:
    if name == DECLARATION_FILE:
        # The service gives no reason here (V24).
        return f"Error loading Bag Declaration ({DECLARATION_FILE})"
    return loading(name, reason)


RULE = Rule("TAG-FILE-UNREADABLE", "V21", BOTH, find)
