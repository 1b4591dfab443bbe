"""Paths and what is known of them come out as they went in, at a fraction of the memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.alike import alike_groups
from bagfill.bag.columns import DigestSets, Paths, Sizes, Texts
from bagfill.bag.path_table import PathTable
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet, InvalidDigest
from bagfill.checksum.digest_column import DigestColumn

PATHS = st.text(min_size=1, max_size=12) | st.sampled_from(["a", "a\x00", "a\xff", "a1", "\ud800", "1", "a\xfe1"])


@given(st.lists(PATHS))
def test_a_path_keeps_the_number_that_it_got_first(paths: list[str]) -> None:
    table = PathTable()
    numbers = [table.add(path) for path in paths]
    distinct = list(dict.fromkeys(paths))
    assert [distinct[number] for number in numbers] == paths
    assert list(table) == distinct == [table.path(number) for number in range(len(table))]
    assert [table.number(path) for path in paths] == numbers
    assert all(path in table for path in paths)
    assert table.number("another") is None
    assert [table.path(number) for number in table.in_order()] == sorted(distinct)


def test_in_order_is_for_nothing_where_paths_were_added_so() -> None:
    table = PathTable()
    for number in range(300):
        table.add(f"data/{number:03}")
    assert table.in_order() == range(300)


@given(st.dictionaries(PATHS, st.integers(0, 2**62)), PATHS)
def test_sizes_are_a_mapping(sizes: dict[str, int], other: str) -> None:
    found = Sizes(PathTable())
    found.table.add(other)
    for path, size in sizes.items():
        found.set(found.table.add(path), size)
    assert dict(found) == sizes
    assert (len(found), found.total()) == (len(sizes), sum(sizes.values()))
    assert (other in found, found.get(other)) == (other in sizes, sizes.get(other))


@given(st.lists(st.tuples(st.booleans(), PATHS)), st.lists(PATHS))
def test_paths_are_ordered_sets(some: list[tuple[bool, str]], others: list[str]) -> None:
    table = PathTable()
    one, other = Paths(table), Paths(table)
    for first, path in some:
        (one if first else other).add(table.add(path))
    expected = [list(dict.fromkeys(path for first, path in some if first is which)) for which in (True, False)]
    assert [list(one), list(other)] == expected
    assert list(one.union(other, others)) == list(dict.fromkeys([*expected[0], *expected[1], *others]))
    assert one.is_same(other) == (set(expected[0]) == set(expected[1]))
    assert all((path in one) == (path in expected[0]) for _, path in some)


@given(st.dictionaries(st.integers(0, 40), st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)))
def test_digests_keep_their_letter_case(texts: dict[int, str]) -> None:
    column = DigestColumn(Algorithm.SHA256)
    for number, text in texts.items():
        column.set(number, text)
    found = {number: column.get(number) for number in range(41)}
    assert {number: digest.text for number, digest in found.items() if digest is not None} == texts
    assert all(column.has(number) == (number in texts) for number in range(50))


@pytest.mark.parametrize("text", ["", "0" * 62, "0" * 66, "g" * 64, "0 " * 32, "00 " * 20 + "0000"])
def test_what_is_no_digest_is_refused_and_not_kept(text: str) -> None:
    column = DigestColumn(Algorithm.SHA256)
    with pytest.raises(InvalidDigest):
        column.set(3, text)
    assert not column.has(3)


def test_digests_by_several_algorithms_are_one_set() -> None:
    table = PathTable()
    columns = [DigestColumn(algorithm) for algorithm in (Algorithm.MD5, Algorithm.SHA1, Algorithm.MD5)]
    for column, text in zip(columns, ("A" * 32, "b" * 40, "a" * 32), strict=True):
        column.set(table.add("x"), text)
    columns[1].set(table.add("y"), "c" * 40)
    table.add("z")
    expected = [Digest(Algorithm.MD5, "a" * 32), Digest(Algorithm.SHA1, "b" * 40)]
    assert dict(DigestSets(table, columns)) == {
        "x": DigestSet(expected),
        "y": DigestSet([Digest(Algorithm.SHA1, "c" * 40)]),
    }
    assert columns[0].matches(0, columns[2])
    assert not columns[1].matches(1, columns[0])


@given(st.dictionaries(st.integers(0, 40), st.text(max_size=5)))
def test_texts_are_kept_by_number(texts: dict[int, str]) -> None:
    found = Texts()
    for number, text in texts.items():
        found.set(number, text)
    assert {number: found.get(number) for number in range(42)} == {number: texts.get(number) for number in range(42)}


@given(st.lists(st.text("aAbB", max_size=3), unique=True))
def test_alike_names_are_grouped(names: list[str]) -> None:
    expected = {}
    for name in sorted(names):
        expected.setdefault(name.casefold(), []).append(name)
    assert alike_groups(names, str.casefold) == sorted(group for group in expected.values() if len(group) > 1)


def test_a_path_with_size_and_digest_takes_few_bytes() -> None:
    names = 20_000
    tracemalloc.start()
    table = PathTable()
    sizes, digests = Sizes(table), DigestColumn(Algorithm.SHA256)
    for number in range(names):
        at = table.add(f"data/objects/b1234567/b1234567_{number:07}.jp2")
        sizes.set(at, number)
        digests.set(at, f"{number:064x}")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Blocks of a larger table are fuller: about 130 bytes at a million.
    assert size / names < 260
