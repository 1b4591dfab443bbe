"""A digest, and the set of digests of one file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bagfill.checksum.algorithm import Algorithm

_HEX = re.compile(r"[0-9a-fA-F]*")


class InvalidDigest(ValueError):
    """Text that is no digest of its algorithm."""

    def __init__(self, algorithm: Algorithm, text: str) -> None:
        # The text comes from outside and may be of any length.
        shown = text if len(text) <= 140 else f"{text[:140]}..."
        super().__init__(
            f"Not a {algorithm.bagit_name} digest, which has {algorithm.hex_length} hexadecimal digits: {shown!r}"
        )
        self.algorithm = algorithm
        self.text = text


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """The checksum of some bytes.

    Args:
        algorithm: how it was computed.
        text: hexadecimal digits, in the letter case they were given: the storage service keeps a
            bag's own spelling in its manifests. Two digests that differ in letter case alone are equal.

    Raises:
        InvalidDigest: wrong length for the algorithm, or a character that is no ASCII hexadecimal digit.
    """

    algorithm: Algorithm
    text: str

    def __post_init__(self) -> None:
        if len(self.text) != self.algorithm.hex_length or not _HEX.fullmatch(self.text):
            raise InvalidDigest(self.algorithm, self.text)

    @classmethod
    def known(cls, algorithm: Algorithm, text: str) -> Digest:
        """A digest whose digits were looked at before: to look at a million takes long."""
        digest = object.__new__(cls)
        object.__setattr__(digest, "algorithm", algorithm)
        object.__setattr__(digest, "text", text)
        return digest

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read what ``str()`` writes: ``sha256:abcd…``.

        Raises:
            ValueError: no colon, an unknown algorithm, or digits that do not fit it.
        """
        name, colon, digits = text.partition(":")
        if not colon:
            raise ValueError(f"Not a digest in the form algorithm:digits: {text[:140]!r}")
        return cls(Algorithm.parse(name), digits)

    @property
    def hex(self) -> str:
        """The digits in lower case."""
        return self.text.lower()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Digest):
            return NotImplemented
        if self.algorithm is not other.algorithm:
            return False
        return self.text == other.text or self.hex == other.hex

    def __hash__(self) -> int:
        return hash((self.algorithm, self.hex))

    def __str__(self) -> str:
        return f"{self.algorithm.value}:{self.hex}"


@dataclass(frozen=True, slots=True)
class DigestMismatch:
    """Two digests by the same algorithm that should have been equal."""

    expected: Digest
    found: Digest

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of both."""
        return self.expected.algorithm

    def __str__(self) -> str:
        return f"expected {self.expected}, saw {self.found}"


def _strength(item: tuple[Algorithm, Digest]) -> int:
    return item[0].strength


class DigestSet(Mapping[Algorithm, Digest]):
    """The digests of one file, one for each algorithm; immutable and hashable.

    Args:
        digests: at most one for each algorithm; equal duplicates are tolerated.

    Raises:
        ValueError: two different digests by one algorithm.
    """

    __slots__ = ("_digests",)

    def __init__(self, digests: Iterable[Digest] = ()) -> None:
        found: dict[Algorithm, Digest] = {}
        for digest in digests:
            kept = found.setdefault(digest.algorithm, digest)
            if kept is not digest and kept != digest:
                raise ValueError(
                    f"Two {digest.algorithm.bagit_name} digests for one file: {found[digest.algorithm]}, {digest}"
                )
        # Weakest first, so that equal sets print and serialise alike.
        self._digests = found if len(found) < 2 else dict(sorted(found.items(), key=_strength))

    def __getitem__(self, algorithm: Algorithm) -> Digest:
        return self._digests[algorithm]

    def __iter__(self) -> Iterator[Algorithm]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def __hash__(self) -> int:
        return hash(tuple(self._digests.values()))

    def __repr__(self) -> str:
        return f"DigestSet({', '.join(map(str, self._digests.values()))})"

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """The algorithms present."""
        return frozenset(self._digests)

    def mismatches(self, found: DigestSet) -> tuple[DigestMismatch, ...]:
        """Where another set, of bytes that were read, differs from this one, which is what was expected.

        Only the algorithms in common are compared: no mismatch is no proof when there are none in common,
        see ``matches``.
        """
        there = found._digests
        return tuple(
            [
                DigestMismatch(digest, there[algorithm])
                for algorithm, digest in self._digests.items()
                if algorithm in there and there[algorithm] != digest
            ]
        )

    def matches(self, found: DigestSet) -> bool:
        """Whether every digest of this set is in the other with the same value; an empty set matches nothing."""
        there = found._digests
        for algorithm, digest in self._digests.items():
            if there.get(algorithm) != digest:
                return False
        return bool(self._digests)

    def to_json(self) -> dict[str, str]:
        """``{"sha256": "abcd…"}``, digits in lower case."""
        return {algorithm.value: digest.hex for algorithm, digest in self._digests.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, str]) -> DigestSet:
        """Read what ``to_json`` writes.

        Raises:
            ValueError: an unknown algorithm, or digits that do not fit theirs.
        """
        return cls([Digest(_BY_NAME.get(name) or Algorithm.parse(name), text) for name, text in values.items()])


_BY_NAME = {algorithm.value: algorithm for algorithm in Algorithm}
