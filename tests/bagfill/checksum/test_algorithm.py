"""The names and the order of the checksum algorithms."""

from __future__ import annotations

import pytest

from bagfill.checksum.algorithm import Algorithm, UnknownAlgorithm, strongest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sha256", Algorithm.SHA256),
        ("SHA-256", Algorithm.SHA256),
        ("SHA256", Algorithm.SHA256),
        ("sha_256", Algorithm.SHA256),
        ("SHA-1", Algorithm.SHA1),
        ("MD5", Algorithm.MD5),
    ],
)
def test_every_spelling_in_use_is_read(text: str, expected: Algorithm) -> None:
    assert Algorithm.parse(text) is expected


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_name_survives_being_written_and_read(algorithm: Algorithm) -> None:
    assert Algorithm.parse(algorithm.bagit_name) is algorithm
    assert Algorithm.parse(algorithm.value) is algorithm


@pytest.mark.parametrize("text", ["", "sha", "sha3-256", "crc32"])
def test_an_unknown_name_is_refused(text: str) -> None:
    with pytest.raises(UnknownAlgorithm):
        Algorithm.parse(text)


def test_strength_falls_from_sha512_to_md5() -> None:
    ordered = sorted(Algorithm, key=lambda algorithm: algorithm.strength, reverse=True)
    assert [algorithm.bagit_name for algorithm in ordered] == [
        "SHA-512",
        "SHA-384",
        "SHA-256",
        "SHA-224",
        "SHA-1",
        "MD5",
    ]
    assert strongest([Algorithm.MD5, Algorithm.SHA512, Algorithm.SHA256]) is Algorithm.SHA512


def test_there_is_no_strongest_of_none() -> None:
    with pytest.raises(ValueError, match="empty"):
        strongest([])
