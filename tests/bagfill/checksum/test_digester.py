"""Digests of a stream in one pass."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import Digester, digest_bytes


@given(st.lists(st.binary(max_size=50)))
def test_the_digests_are_those_of_the_whole_however_it_is_cut(blocks: list[bytes]) -> None:
    digester = Digester(Algorithm)
    for block in blocks:
        digester.update(memoryview(block))
    whole = b"".join(blocks)
    assert digester.size == len(whole)
    assert digester.digests() == digest_bytes(whole, Algorithm)
    assert digester.digits() == [digester.digests()[algorithm].hex for algorithm in Algorithm]
    assert {algorithm: digest.hex for algorithm, digest in digester.digests().items()} == {
        algorithm: hashlib.new(algorithm.value, whole).hexdigest() for algorithm in Algorithm
    }


def test_a_digest_has_the_length_its_algorithm_says() -> None:
    digests = digest_bytes(b"", Algorithm)
    assert {algorithm: len(digest.hex) for algorithm, digest in digests.items()} == {
        algorithm: algorithm.hex_length for algorithm in Algorithm
    }


def test_asking_for_the_digests_does_not_end_the_stream() -> None:
    digester = Digester([Algorithm.SHA256])
    digester.update(b"a")
    before = digester.digests()
    digester.update(bytearray(b"b"))
    assert before == digest_bytes(b"a", [Algorithm.SHA256])
    assert digester.digests() == digest_bytes(b"ab", [Algorithm.SHA256])


def test_a_memoryview_of_larger_items_is_counted_in_bytes() -> None:
    digester = Digester([])
    digester.update(memoryview(b"12345678").cast("I"))
    assert digester.size == 8
