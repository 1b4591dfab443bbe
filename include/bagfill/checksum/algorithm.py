"""The checksum algorithms a BagIt manifest may use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum


class UnknownAlgorithm(ValueError):
    """A name that is none of the supported checksum algorithms."""

    def __init__(self, text: str) -> None:
        known = ", ".join(algorithm.bagit_name for algorithm in Algorithm)
        super().__init__(f"Unknown checksum algorithm {text!r}: expected one of {known}")
        self.text = text


class Algorithm(StrEnum):
    """A checksum algorithm; the value is its spelling in a manifest's file name (RFC 8493, section 2.4)."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @classmethod
    def parse(cls, text: str) -> Algorithm:
        """Read a name in any of the spellings in use: ``sha256``, ``SHA-256``, ``SHA256``, ``Sha_256``.

        Raises:
            UnknownAlgorithm: the name is none of the members'.
        """
        try:
            return cls(re.sub(r"[-_ ]", "", text).lower())
        except ValueError:
            raise UnknownAlgorithm(text) from None

    @property
    def bagit_name(self) -> str:
        """The name in prose and in the storage service's API: ``SHA-256``, ``MD5``."""
        return self.value.upper().replace("SHA", "SHA-")

    @property
    def strength(self) -> int:
        """A number that is higher the stronger the algorithm: SHA-512 > SHA-384 > … > SHA-1 > MD5."""
        return _STRENGTHS[self]

    @property
    def hex_length(self) -> int:
        """How many hexadecimal digits a digest has."""
        return _HEX_LENGTHS[self]

    @property
    def is_weak(self) -> bool:
        """Whether collisions can be made on purpose: MD5 and SHA-1."""
        return self in (Algorithm.MD5, Algorithm.SHA1)


_BY_STRENGTH = (
    Algorithm.MD5,
    Algorithm.SHA1,
    Algorithm.SHA224,
    Algorithm.SHA256,
    Algorithm.SHA384,
    Algorithm.SHA512,
)

_STRENGTHS = {algorithm: strength for strength, algorithm in enumerate(_BY_STRENGTH)}

_HEX_LENGTHS = {
    Algorithm.MD5: 32,
    Algorithm.SHA1: 40,
    Algorithm.SHA224: 56,
    Algorithm.SHA256: 64,
    Algorithm.SHA384: 96,
    Algorithm.SHA512: 128,
}


def strongest(algorithms: Iterable[Algorithm]) -> Algorithm:
    """The strongest of some algorithms.

    Raises:
        ValueError: there are none to choose from.
    """
    return max(algorithms, key=_STRENGTHS.__getitem__)
