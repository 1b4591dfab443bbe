from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.crc64 import Crc64

POLYNOMIAL = 0x9A6C9329AC4BC9B5
ALL_ONES = 0xFFFFFFFFFFFFFFFF


def bit_by_bit(data: bytes) -> int:
    """The definition, for the sake of comparison."""
    value = ALL_ONES
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
    return value ^ ALL_ONES


def test_the_check_value_of_the_catalogue_is_met() -> None:
    assert Crc64.of(b"123456789").value == 0xAE8B14860A799888


@given(st.binary(max_size=300))
def test_it_is_the_function_of_its_definition(data: bytes) -> None:
    assert Crc64.of(data) == Crc64(bit_by_bit(data), len(data))


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_parts_combine_to_the_whole(parts: list[bytes]) -> None:
    assert Crc64.whole(map(Crc64.of, parts)) == Crc64.of(b"".join(parts))


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_bytes_are_taken_as_they_come(first: bytes, second: bytes) -> None:
    assert Crc64.of(first).extended(memoryview(second)) == Crc64.of(first + second)


@given(st.binary(max_size=50))
def test_both_providers_spellings_are_read_as_they_are_written(data: bytes) -> None:
    crc = Crc64.of(data)
    assert Crc64.from_s3(crc.s3, len(data)) == crc
    assert Crc64.from_azure(crc.azure, len(data)) == crc
    assert Crc64.from_azure(crc.value.to_bytes(8, "little"), len(data)) == crc


@pytest.mark.parametrize("text", ["", "?", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAAAAAAA"])
def test_what_is_no_crc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|8 bytes"):
        Crc64.from_s3(text, 1)
    with pytest.raises(ValueError, match=r"base64|8 bytes"):
        Crc64.from_azure(text, 1)
