"""The library that hashes several files at once, as far as it is there, fits this processor and computes rightly.

``tools/build-lanes`` makes it from ``native/lanes.c``. Everything works without it, with ``hashlib`` alone.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import digest_bytes
from bagfill.checksum.lane_hash import FAMILIES, LARGEST_BLOCK, LaneHash
from bagfill.checksum.side_by_side import Cost, Lanes, digest_side_by_side

logger = logging.getLogger(__name__)

_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
LIBRARY = Path(__file__).parent / "native" / f"lanes-{sys.platform}-{_MACHINE}.so"
"""Built for Linux on x86-64 alone."""

# Measured on Sapphire Rapids at 2.6 GHz. SHA-256 and SHA-224 are not computed with AVX2: a processor that has no more
# than that mostly has instructions for them, which hashlib uses.
_COSTS = {
    8: {
        Algorithm.MD5: Cost(1.6, 1.4),
        Algorithm.SHA224: Cost(2.9, 0.6),
        Algorithm.SHA256: Cost(2.9, 0.6),
        Algorithm.SHA384: Cost(2.8, 1.35),
        Algorithm.SHA512: Cost(2.8, 1.35),
    },
    4: {
        Algorithm.MD5: Cost(1.8, 1.4),
        Algorithm.SHA384: Cost(3.3, 1.35),
        Algorithm.SHA512: Cost(3.3, 1.35),
    },
}


class LibraryUnusable(Exception):
    """The library cannot be loaded, lacks a function, or computes something else than ``hashlib``."""


class VectorLanes:
    """Lanes of the vector registers; see :class:`~bagfill.checksum.side_by_side.Lanes`.

    Args:
        library: the loaded library.
        width: 8 (AVX-512) or 4 (AVX2) lanes, of which this processor has to be capable.

    Raises:
        LibraryUnusable: it lacks a function.
    """

    def __init__(self, library: ctypes.CDLL, width: int) -> None:
        self.width = width
        self.costs: Mapping[Algorithm, Cost] = _COSTS[width]
        self._functions = {}
        for algorithm, family in FAMILIES.items():
            try:
                function = library[f"{family.function}_{width}"]
            except AttributeError as error:
                raise LibraryUnusable(str(error)) from None
            function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
            function.restype = None
            self._functions[algorithm] = function

    def hashes(self, algorithm: Algorithm) -> LaneHash:
        """New running hashes; of any algorithm that the library has, whether it is worth it or not."""
        return LaneHash(algorithm, self.width, self._functions[algorithm])


@cache
def lanes_of_this_machine() -> VectorLanes | None:
    """The most lanes that this processor has; nothing where there are none or the library is not to be relied on.

    Why a library is not used is logged, once a process.
    """
    if not LIBRARY.exists():
        return None
    try:
        return load_lanes(LIBRARY)
    except LibraryUnusable as unusable:
        logger.warning("files are hashed one by one with hashlib, because %s is unusable: %s", LIBRARY, unusable)
        return None


def load_lanes(path: Path) -> VectorLanes | None:
    """Load a library, and try it on files of many lengths; nothing where the processor has no such instructions.

    Raises:
        LibraryUnusable: it cannot be loaded, lacks a function, or computes something else than ``hashlib``.
    """
    try:
        library = ctypes.CDLL(str(path))
        width = library.lanes_of_this_processor()
    except (OSError, AttributeError) as error:
        raise LibraryUnusable(str(error)) from None
    if not width:
        return None
    lanes = VectorLanes(library, width)
    require_right(lanes)
    return lanes


def require_right(lanes: Lanes) -> None:
    """Hash three files for each lane, all different: some end within a block, some at its end, some go on for long.

    Raises:
        LibraryUnusable: a digest differs from that of ``hashlib``.
    """
    algorithms = lanes.costs.keys()
    lengths = [(37 * number * number) % 1500 + LARGEST_BLOCK * (number % 2) for number in range(3 * lanes.width)]
    files = [bytes((byte * 7 + number) & 0xFF for byte in range(length)) for number, length in enumerate(lengths)]
    for found in digest_side_by_side(((data, [data]) for data in files), algorithms, lanes):
        expected = digest_bytes(found.file, algorithms)
        for mismatch in expected.mismatches(found.digests):
            raise LibraryUnusable(f"of {found.size} bytes it says {mismatch.found}, hashlib {mismatch.expected}")
