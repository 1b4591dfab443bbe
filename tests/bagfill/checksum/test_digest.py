"""Digests and sets of them."""

from __future__ import annotations

import pickle

import pytest

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestMismatch, DigestSet, InvalidDigest

LOWER, UPPER = "d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E"
EMPTY = Digest(Algorithm.MD5, LOWER)
OTHER = Digest(Algorithm.MD5, "0" * 32)
SHA1 = Digest(Algorithm.SHA1, "1" * 40)


def test_letter_case_is_kept_and_says_nothing() -> None:
    shouted = Digest(Algorithm.MD5, UPPER)
    assert shouted.text == UPPER
    assert shouted.hex == LOWER
    assert shouted == EMPTY
    assert hash(shouted) == hash(EMPTY)
    assert str(shouted) == f"md5:{LOWER}"


@pytest.mark.parametrize("text", ["", LOWER[:-1], LOWER + "0", "g" + LOWER[1:], "\uff11" + LOWER[1:], LOWER[1:] + "\n"])
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest(Algorithm.MD5, text)


def test_a_digest_survives_being_written_and_read() -> None:
    assert Digest.parse(str(EMPTY)) == EMPTY
    assert pickle.loads(pickle.dumps(EMPTY)) == EMPTY  # noqa: S301 - our own bytes


@pytest.mark.parametrize("text", ["", LOWER, f"crc32:{LOWER}", "md5:zz"])
def test_text_without_a_known_algorithm_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"digest|algorithm"):
        Digest.parse(text)


def test_digests_by_different_algorithms_differ() -> None:
    assert EMPTY != SHA1
    assert EMPTY != LOWER


def test_only_algorithms_in_common_are_compared() -> None:
    assert DigestSet([EMPTY, SHA1]).mismatches(DigestSet([OTHER])) == (DigestMismatch(EMPTY, OTHER),)
    assert DigestSet([EMPTY]).mismatches(DigestSet([SHA1])) == ()


def test_a_match_needs_every_expected_digest() -> None:
    assert DigestSet([EMPTY]).matches(DigestSet([EMPTY, SHA1]))
    assert not DigestSet([EMPTY, SHA1]).matches(DigestSet([EMPTY]))
    assert not DigestSet([EMPTY]).matches(DigestSet([OTHER]))
    assert not DigestSet().matches(DigestSet([EMPTY]))


def test_two_digests_by_one_algorithm_cannot_be_in_a_set() -> None:
    with pytest.raises(ValueError, match="Two MD5 digests"):
        DigestSet([EMPTY, OTHER])
    assert len(DigestSet([EMPTY, Digest(Algorithm.MD5, UPPER)])) == 1


def test_a_set_survives_json_and_pickle_and_does_not_depend_on_order() -> None:
    digests = DigestSet([SHA1, EMPTY])
    assert digests.to_json() == {"md5": LOWER, "sha1": "1" * 40}
    assert DigestSet.from_json(digests.to_json()) == digests == DigestSet([EMPTY, SHA1])
    assert hash(digests) == hash(DigestSet([EMPTY, SHA1]))
    assert pickle.loads(pickle.dumps(digests)) == digests  # noqa: S301 - our own bytes


def test_a_set_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        DigestSet([EMPTY])[Algorithm.MD5] = OTHER  # type: ignore[index]
