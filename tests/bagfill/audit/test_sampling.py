from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bagfill.audit.sampling import draw, size_class, size_classes, thaw_sample

counts = st.lists(st.integers(0, 20), max_size=12)


@given(counts, st.integers(0, 100), st.integers(0, 2**62))
def test_so_many_different_files_are_drawn_and_all_of_them_exist(counts: list[int], number: int, seed: int) -> None:
    drawn = draw(counts, number, seed)

    assert sum(map(len, drawn.values())) == min(number, sum(counts))
    for place, files in drawn.items():
        assert list(files) == sorted(set(files))
        assert all(0 <= each < counts[place] for each in files)


@given(counts, st.integers(0, 100), st.integers(0, 2**62))
def test_the_same_seed_draws_the_same(counts: list[int], number: int, seed: int) -> None:
    assert draw(counts, number, seed) == draw(counts, number, seed)


def test_every_file_is_drawn_as_often_as_every_other() -> None:
    drawn = Counter(
        (place, each) for seed in range(4000) for place, files in draw([1, 3, 6], 1, seed).items() for each in files
    )

    assert len(drawn) == 10
    assert all(300 < number < 500 for number in drawn.values())


def test_size_classes_are_powers_of_two() -> None:
    assert [size_class(size) for size in (0, 1, 2, 3, 4, 1023, 1024)] == [0, 1, 2, 2, 3, 10, 11]
    assert size_classes([5, 0, 6, 1]) == {0: 1, 1: 1, 3: 2}


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=200), st.integers(0, 2**42), st.integers(0, 2**32))
def test_whatever_is_drawn_fits_the_budget(sizes: list[int], budget: int, seed: int) -> None:
    sample = thaw_sample(size_classes(sizes), budget=budget, confidence=0.95, loss=0.1)

    if sample is None:
        assert all(budget < max(size, 1) * 2 for size in sizes)
        return
    allowed = [size for size in sizes if size_class(size) <= sample.limit_class]
    assert (len(allowed), len(sizes) - len(allowed)) == (sample.population, sample.left_out)
    picked = [allowed[each] for files in draw([len(allowed)], sample.number, seed).values() for each in files]
    assert len(picked) == sample.number
    assert sum(picked) <= budget


def test_large_files_are_left_out_only_where_the_budget_needs_it() -> None:
    classes = size_classes([100] * 1000 + [10**9])

    generous = thaw_sample(classes, budget=10**13, confidence=0.95, loss=0.01)
    tight = thaw_sample(classes, budget=10**6, confidence=0.95, loss=0.01)

    assert generous is not None
    assert tight is not None
    assert (generous.left_out, tight.left_out) == (0, 1)
    assert tight.number == 258


def test_without_a_budget_nothing_is_drawn() -> None:
    assert thaw_sample({7: 3}, budget=0, confidence=0.95, loss=0.01) is None
    assert thaw_sample({}, budget=10, confidence=0.95, loss=0.01) is None
