"""Digests of many files, several of them at once in the lanes of the processor's vector registers.

A wrong digest from here makes a file look damaged that is not; it does not make a damaged file look whole, because a
wrong computation does not hit upon the digest that a manifest promises. So these digests are for comparing with
promised ones, and whoever finds a difference computes it again with ``hashlib`` before it is believed. What is recorded
as a new fact is computed with ``hashlib`` alone. Decision 43 has the whole argument.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from typing import Generic, NamedTuple, Protocol, TypeVar

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.checksum.digester import Digester
from bagfill.checksum.lane_hash import LARGEST_BLOCK

F = TypeVar("F")

_WORTH_SHARING = 64 * 1024
"""Bytes of each lane: fewer are hashed sooner than handed to another thread."""


class RunningHashes(Protocol):
    """See :class:`~bagfill.checksum.lane_hash.LaneHash`."""

    def start(self, lane: int) -> None: ...
    def update(self, addresses: ctypes.Array[ctypes.c_void_p], size: int) -> None: ...
    def digest(self, lane: int, tail: bytes, size: int) -> str: ...


class Cost(NamedTuple):
    """What an algorithm takes, in CPU seconds: for a GiB in every lane at once, and for one GiB with ``hashlib``."""

    all_lanes: float
    alone: float


class Lanes(Protocol):
    """A way to hash several files at once."""

    @property
    def width(self) -> int:
        """How many files."""
        ...

    @property
    def costs(self) -> Mapping[Algorithm, Cost]:
        """The algorithms that are worth it."""
        ...

    def hashes(self, algorithm: Algorithm) -> RunningHashes:
        """New running hashes of one of those algorithms."""
        ...


class Digested(NamedTuple, Generic[F]):
    """A file that was read to its end: what it was called by, how many bytes it had, its digests."""

    file: F
    size: int
    digests: DigestSet


def digest_side_by_side(
    files: Iterable[tuple[F, Iterable[bytes | memoryview]]],
    algorithms: Collection[Algorithm],
    lanes: Lanes,
    helpers: Executor | None = None,
) -> Iterator[Digested[F]]:
    """Read files in turn, as many at once as there are lanes; a lane whose file has ended takes the next one.

    The registers cost the same however many lanes have a file, so begin with the longest files, and with none that is
    still read long after all others: ``bagfill.steps.lane_groups`` chooses. Not for several threads; different calls
    may run in different threads.

    Args:
        files: each with its bytes in chunks of any size. What reading one raises ends the whole.
        algorithms: of the digests; what the lanes do not have is computed by ``hashlib`` as the bytes pass.
        lanes: where.
        helpers: threads that share the algorithms, if processors would be idle otherwise.

    Returns:
        Each file as it ends.
    """
    waiting = iter(files)
    registers = _Registers(algorithms, lanes, helpers)
    running: dict[int, _Reading[F]] = {}
    while True:
        for lane in range(lanes.width):
            reading = running.get(lane)
            # Several times over, where files are shorter than a block.
            while reading is None or not reading.has_block():
                if reading is not None:
                    yield Digested(reading.file, reading.size, registers.digests(lane, running.pop(lane)))
                following = next(waiting, None)
                if following is None:
                    break
                reading = running[lane] = _Reading(*following, Digester(registers.without))
                registers.start(lane)
        if not running:
            return
        registers.update(running)


class _Registers:
    """Running hashes of each algorithm that the lanes have, and what they do not have."""

    def __init__(self, algorithms: Collection[Algorithm], lanes: Lanes, helpers: Executor | None) -> None:
        self._helpers = helpers
        self._hashes = {algorithm: lanes.hashes(algorithm) for algorithm in algorithms if algorithm in lanes.costs}
        self._addresses = (ctypes.c_void_p * lanes.width)()
        self.without = [algorithm for algorithm in algorithms if algorithm not in self._hashes]

    def start(self, lane: int) -> None:
        """Begin a new file in a lane."""
        for hashes in self._hashes.values():
            hashes.start(lane)

    def update(self, running: Mapping[int, _Reading[F]]) -> None:
        """Take as many blocks as every file has at hand."""
        size = min(reading.left for reading in running.values()) // LARGEST_BLOCK * LARGEST_BLOCK
        # Lanes without a file pass over the bytes of another's, of which there are enough; nobody asks for their state.
        some = next(iter(running.values()))
        for lane in range(len(self._addresses)):
            self._addresses[lane] = running.get(lane, some).address
        self._update_all(list(self._hashes.values()), size)
        for reading in running.values():
            reading.address += size
            reading.left -= size

    def _update_all(self, hashes: Sequence[RunningHashes], size: int) -> None:
        helpers = self._helpers if size >= _WORTH_SHARING else None
        mine = 1 if helpers else len(hashes)
        others = [helpers.submit(each.update, self._addresses, size) for each in hashes[mine:]] if helpers else []
        try:
            for each in hashes[:mine]:
                each.update(self._addresses, size)
        finally:
            # Nobody may let go of the chunks before all have read them.
            wait(others)
        for other in others:
            other.result()

    def digests(self, lane: int, reading: _Reading[F]) -> DigestSet:
        """Of a file that has come to its end."""
        tail = reading.tail()
        found = [Digest.known(name, hashes.digest(lane, tail, reading.size)) for name, hashes in self._hashes.items()]
        return DigestSet([*found, *reading.beside.digests().values()])


class _Reading(Generic[F]):
    """A file that is being read: its latest chunk, and how much of that is left to hash."""

    __slots__ = ("_chunk", "_chunks", "address", "beside", "file", "left", "size")

    def __init__(self, file: F, chunks: Iterable[bytes | memoryview], beside: Digester) -> None:
        self.file = file
        self.beside = beside
        self.size = self.left = self.address = 0
        self._chunk = b""
        self._chunks = iter(chunks)

    def has_block(self) -> bool:
        """Whether a whole block is at hand, after reading on if need be; ``False`` at the end of the file."""
        while self.left < LARGEST_BLOCK:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self.beside.update(chunk)
            # Bytes do not move; joined or copied only where a chunk did not end with a block, or may change.
            data = bytes(chunk) if not self.left else self.tail() + chunk
            self.size += len(data) - self.left
            self.left = len(data)
            self._chunk = data
            self.address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
        return True

    def tail(self) -> bytes:
        """What is left of the chunk."""
        return self._chunk[len(self._chunk) - self.left :]
