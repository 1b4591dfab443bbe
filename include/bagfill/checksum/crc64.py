"""CRC-64/NVME, the transit check that S3 (``CRC64NVME``) and Azure (``x-ms-content-crc64``) share.

It finds bytes that were damaged on the way; it is not cryptographic, and a replica is never judged by it alone. Parts
can be combined into the value of the whole without their bytes. Polynomial 0xAD93D23594C93659 (reflected
0x9A6C9329AC4BC9B5), all ones in and out. The two providers write the same number in other byte orders.
Sources: Amazon S3 "Checking object integrity", Azure Put Block (``x-ms-content-crc64``).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# awscrt is loaded when the first value is computed: most tasks read, plan or conclude, and loading it takes 30 ms.
_BYTES = 8


@dataclass(frozen=True, slots=True)
class Crc64:
    """The CRC-64/NVME of some bytes, and how many they are: both are needed to combine it.

    Args:
        value: 0 … 2⁶⁴ - 1.
        size: in bytes.
    """

    value: int = 0
    size: int = 0

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Self:
        """Of bytes in memory; the interpreter lock is released meanwhile."""
        return cls().extended(data)

    @classmethod
    def whole(cls, parts: Iterable[Crc64]) -> Self:
        """Of the bytes that some parts are cut from, in order."""
        from awscrt.checksums import combine_crc64nvme

        value = size = 0
        for part in parts:
            value = combine_crc64nvme(value, part.value, part.size)
            size += part.size
        return cls(value, size)

    @classmethod
    def from_s3(cls, text: str, size: int) -> Self:
        """Of an ``x-amz-checksum-crc64nvme`` (FULL_OBJECT). Raises ValueError: it is none."""
        return cls(int.from_bytes(_decoded(text), "big"), size)

    @classmethod
    def from_azure(cls, value: str | bytes | bytearray, size: int) -> Self:
        """Of an ``x-ms-content-crc64``, as base64 or decoded. Raises ValueError: it is none."""
        raw = _decoded(value) if isinstance(value, str) else bytes(value)
        if len(raw) != _BYTES:
            raise ValueError(f"a CRC-64 has {_BYTES} bytes, found {len(raw)}")
        return cls(int.from_bytes(raw, "little"), size)

    def extended(self, data: bytes | bytearray | memoryview) -> Self:
        """With more bytes behind."""
        from awscrt.checksums import crc64nvme

        length = data.nbytes if isinstance(data, memoryview) else len(data)
        return type(self)(crc64nvme(data, self.value), self.size + length)

    @property
    def s3(self) -> str:
        """As S3 writes it: base64, big-endian."""
        return base64.b64encode(self.value.to_bytes(_BYTES, "big")).decode()

    @property
    def azure(self) -> str:
        """As Azure writes it: base64, little-endian."""
        return base64.b64encode(self.azure_bytes).decode()

    @property
    def azure_bytes(self) -> bytes:
        """As Azure writes it, before it becomes base64."""
        return self.value.to_bytes(_BYTES, "little")


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text!r} is not base64: {error}") from None
    if len(raw) != _BYTES:
        raise ValueError(f"a CRC-64 has {_BYTES} bytes, found {len(raw)} in {text!r}")
    return raw
