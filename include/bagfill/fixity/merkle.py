"""The Merkle tree hash of RFC 6962, section 2.1, over leaves that come one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bagfill.fixity.canonical import canonical_json

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_of_file(path: str, size: int, digests: Mapping[str, str]) -> bytes:
    """The bytes that stand for one file: what it is called, how long it is, what its bytes are. Nothing else.

    Two replicas of one bag version, read by the same algorithms, have the same root therefore.

    Args:
        path: in the version's folder.
        size: in bytes.
        digests: name of the algorithm → lower-case hexadecimal digits.
    """
    return canonical_json({"digests": dict(digests), "path": path, "size": size})


class MerkleTree:
    """A tree that keeps one hash for each of its complete parts: 20 for a million leaves."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, leaf: bytes) -> None:
        """Append a leaf."""
        node = hashlib.sha256(_LEAF + leaf).digest()
        # The bits of the count say which complete parts there are, largest first.
        count = self._count
        while count & 1:
            node = hashlib.sha256(_NODE + self._parts.pop() + node).digest()
            count >>= 1
        self._parts.append(node)
        self._count += 1

    @property
    def root(self) -> str:
        """The hash of the leaves so far, 64 lower-case hexadecimal digits; of none, the SHA-256 of nothing."""
        if not self._parts:
            return hashlib.sha256(b"").hexdigest()
        node = self._parts[-1]
        for left in reversed(self._parts[:-1]):
            node = hashlib.sha256(_NODE + left + node).digest()
        return node.hex()
