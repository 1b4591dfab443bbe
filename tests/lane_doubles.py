"""Lanes without a library, and lanes that compute wrongly: for machines where none can be built, and for faults."""

from __future__ import annotations

import ctypes
import hashlib

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.side_by_side import Cost, RunningHashes

COSTS = {algorithm: Cost(3.0, 1.0) for algorithm in Algorithm if algorithm is not Algorithm.SHA1}


class HashlibLanes:
    """Lanes that ``hashlib`` fills: it reads the addresses as the library would.

    Args:
        wrong_lane: computes something else, if given.
    """

    def __init__(self, width: int = 8, *, wrong_lane: int | None = None) -> None:
        self.width = width
        self.costs = COSTS
        self.wrong_lane = wrong_lane

    def hashes(self, algorithm: Algorithm) -> RunningHashes:
        return _Hashes(algorithm, self)


class _Hashes:
    def __init__(self, algorithm: Algorithm, lanes: HashlibLanes) -> None:
        self._algorithm = algorithm
        self._wrong = lanes.wrong_lane
        self._running = [hashlib.new(algorithm) for _ in range(lanes.width)]

    def start(self, lane: int) -> None:
        self._running[lane] = hashlib.new(self._algorithm, b"wrong" if lane == self._wrong else b"")

    def update(self, addresses: ctypes.Array[ctypes.c_void_p], size: int) -> None:
        for running, address in zip(self._running, addresses, strict=True):
            running.update(ctypes.string_at(address, size))

    def digest(self, lane: int, tail: bytes, size: int) -> str:
        running = self._running[lane].copy()
        running.update(tail)
        return running.hexdigest()
