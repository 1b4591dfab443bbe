"""The chain of a location's receipts: which seal has which number, and what its text is.

A seal gets its number and its predecessor in the transaction that registers the replica, so however many replicas of
one location are registered at once, their seals form one chain. A replica that is proved again, by a repair, gets
another receipt and another seal; the receipt that it was registered with stays its own. What a seal says is for whoever
registers to decide (:mod:`bagfill.fixity.seals`); here it is a text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bagfill.bag.identifiers import BagVersionId


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """Where a new seal stands.

    Args:
        location: whose chain.
        sequence: its number, from 1.
        previous: the text of the seal before it; ``None`` for the first.
        sealed: timezone-aware.
    """

    location: str
    sequence: int
    previous: bytes | None
    sealed: datetime


MakeSeal = Callable[[ChainPosition], bytes]
"""Gives a seal's text (UTF-8). Called inside a transaction, perhaps more than once: it reads and writes nothing."""


@dataclass(frozen=True, slots=True)
class SealRecord:
    """One seal of a chain, as it was made.

    Args:
        location, sequence: its place.
        bag_version: whose replica it is about.
        receipt: name of the receipt that it seals.
        document: its text, byte for byte as it lies in the receipt store.
        sha256: of the text, 64 lower-case hexadecimal digits.
        written: when it was seen in the receipt store; ``None`` while nobody has.
    """

    location: str
    sequence: int
    bag_version: BagVersionId
    receipt: str
    document: bytes
    sha256: str
    written: datetime | None
