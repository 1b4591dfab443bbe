"""Several files hashed at once: each digest is that of ``hashlib``, whatever the files and the lanes."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import digest_bytes
from bagfill.checksum.lane_hash import FAMILIES, LARGEST_BLOCK
from bagfill.checksum.lanes import LIBRARY, VectorLanes
from bagfill.checksum.side_by_side import Cost, Lanes, RunningHashes, digest_side_by_side
from lane_doubles import HashlibLanes

IN_LANES = tuple(FAMILIES)
CHUNK = 256 * 1024


def real(width: int) -> Lanes:
    """The library with so many lanes, for all algorithms that it has."""
    if not LIBRARY.exists():
        pytest.skip("the library is not built (`make setup` says why)")
    library = ctypes.CDLL(str(LIBRARY))
    if library.lanes_of_this_processor() < width:
        pytest.skip(f"this processor has not {width} lanes")
    lanes = VectorLanes(library, width)
    lanes.costs = dict.fromkeys(IN_LANES, Cost(1.0, 1.0))
    return lanes


@pytest.fixture(params=["8 lanes", "4 lanes", "double"], scope="module")
def lanes(request: pytest.FixtureRequest) -> Lanes:
    made = {"8 lanes": partial(real, 8), "4 lanes": partial(real, 4), "double": HashlibLanes}
    return made[request.param]()


def require_same(
    contents: Sequence[bytes], lanes: Lanes, algorithms: Collection[Algorithm], chunk: int = CHUNK
) -> None:
    """All are digested, each as ``hashlib`` digests it."""
    files = ((number, pieces(content, chunk)) for number, content in enumerate(contents))
    found = {digested.file: digested for digested in digest_side_by_side(files, algorithms, lanes)}
    assert sorted(found) == list(range(len(contents)))
    for number, content in enumerate(contents):
        assert found[number].size == len(content)
        assert found[number].digests == digest_bytes(content, algorithms), len(content)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def made_up(*sizes: int) -> list[bytes]:
    """Files of so many bytes, no two alike."""
    source = random.Random(str(sizes))
    return [source.randbytes(size) for size in sizes]


def test_files_of_every_length_about_the_first_blocks(lanes: Lanes) -> None:
    require_same(made_up(*range(3 * LARGEST_BLOCK + 2)), lanes, IN_LANES)


@pytest.mark.parametrize("edge", [1024, CHUNK - LARGEST_BLOCK, CHUNK, CHUNK + LARGEST_BLOCK, 2 * CHUNK])
def test_files_that_end_about_the_edges_of_blocks_and_chunks(lanes: Lanes, edge: int) -> None:
    nearby = (-65, -64, -63, -17, -16, -9, -8, -1, 0, 1, 55, 56, 63, 64, 65, 111, 112, 113, 119, 120, 127)
    require_same(made_up(*(edge + distance for distance in nearby)), lanes, IN_LANES)


@pytest.mark.parametrize("files", range(18))
def test_any_number_of_files_fewer_or_more_than_lanes(lanes: Lanes, files: int) -> None:
    require_same(made_up(*(1000 + 77 * number for number in range(files))), lanes, IN_LANES)


def test_long_files_are_replaced_lane_by_lane(lanes: Lanes) -> None:
    sizes = (3_000_001, 7, 700_000, 1_048_576, 262_144, 0, 262_145, 262_143, 500_000, 2_000_128, 300_000, 64, 900_127)
    require_same(made_up(*sizes, *reversed(sizes)), lanes, (Algorithm.MD5, Algorithm.SHA256, Algorithm.SHA512))


def test_threads_that_share_the_algorithms_do_not_change_the_digests(lanes: Lanes) -> None:
    contents = made_up(1_000_003, 700_000, 300_000, 262_144, 0, 100_000, *[400_000] * 8)
    with ThreadPoolExecutor(2) as helpers:
        files = ((content, pieces(content, CHUNK)) for content in contents)
        found = {digested.file: digested.digests for digested in digest_side_by_side(files, IN_LANES, lanes, helpers)}
    assert found == {content: digest_bytes(content, IN_LANES) for content in contents}


def test_what_a_thread_that_helps_raises_is_raised() -> None:
    class Broken(HashlibLanes):
        def hashes(self, algorithm: Algorithm) -> RunningHashes:
            right = super().hashes(algorithm)
            broken = SimpleNamespace(start=right.start, update=lambda addresses, size: 1 / 0, digest=right.digest)
            return right if algorithm is Algorithm.MD5 else cast("RunningHashes", broken)

    with ThreadPoolExecutor(1) as helpers, pytest.raises(ZeroDivisionError):
        list(digest_side_by_side([(1, [bytes(CHUNK)])], (Algorithm.MD5, Algorithm.SHA512), Broken(), helpers))


def test_one_file_that_goes_on_alone(lanes: Lanes) -> None:
    require_same(made_up(2_000_003, *[1000] * 9), lanes, (Algorithm.SHA512,))


def test_what_the_lanes_do_not_have_is_computed_beside_them(lanes: Lanes) -> None:
    require_same(made_up(*range(0, 9000, 500)), lanes, tuple(Algorithm))
    require_same(made_up(*range(0, 9000, 500)), lanes, (Algorithm.SHA1,))
    require_same(made_up(10, 1000), lanes, ())


@settings(deadline=None, max_examples=60)
@given(
    files=st.lists(st.lists(st.binary(max_size=400), max_size=5), max_size=25),
    algorithms=st.sets(st.sampled_from(Algorithm)),
)
def test_chunks_of_any_size(lanes: Lanes, files: list[list[bytes]], algorithms: set[Algorithm]) -> None:
    named = [(number, [memoryview(chunk) for chunk in chunks]) for number, chunks in enumerate(files)]
    found = {digested.file: digested for digested in digest_side_by_side(named, algorithms, lanes)}
    assert {number: (digested.size, digested.digests) for number, digested in found.items()} == {
        number: (len(whole), digest_bytes(whole, algorithms))
        for number, whole in enumerate(b"".join(chunks) for chunks in files)
    }


def test_files_are_opened_as_lanes_come_free(lanes: Lanes) -> None:
    opened = []

    def content(number: int) -> list[bytes]:
        opened.append(number)
        return [bytes([number]) * 1000] * (number + 1)

    files = ((number, content(number)) for number in range(30))
    following = digest_side_by_side(files, (Algorithm.SHA512,), lanes)
    assert next(following).file == 0
    assert opened == list(range(lanes.width))
    assert len(list(following)) == 29


def test_what_reading_a_file_raises_ends_the_whole(lanes: Lanes) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(1000)
        raise OSError("no more")

    files = [(number, iter([bytes(5000)])) for number in range(5)]
    with pytest.raises(OSError, match="no more"):
        list(digest_side_by_side([*files, (5, broken())], (Algorithm.SHA512,), lanes))
