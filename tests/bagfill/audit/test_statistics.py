"""The exact bounds, held against counting every possible sample."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.audit.statistics import SampleStatement, at_most_bad, files_to_draw


def chance_of_at_most(population: int, drawn: int, bad: int, assumed: int) -> float:
    """The share of all samples that show at most ``bad`` bad files when ``assumed`` of the files are bad."""
    samples = list(combinations(range(population), drawn))
    return sum(sum(each < assumed for each in sample) <= bad for sample in samples) / len(samples)


@given(st.data())
def test_the_bound_is_the_largest_number_that_is_not_ruled_out(data: st.DataObject) -> None:
    population = data.draw(st.integers(1, 9))
    drawn = data.draw(st.integers(0, population))
    bad = data.draw(st.integers(0, drawn))
    confidence = data.draw(st.sampled_from([0.5, 0.9, 0.95, 0.99]))

    bound = at_most_bad(population, drawn, bad, confidence)

    possible = population - (drawn - bad)
    assert bad <= bound <= possible
    assert bound == bad or chance_of_at_most(population, drawn, bad, bound) > 1 - confidence - 1e-12
    if bound < possible:
        assert chance_of_at_most(population, drawn, bad, bound + 1) <= 1 - confidence + 1e-12


@given(st.integers(1, 60), st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([0.01, 0.05, 0.1, 0.5, 1.0]))
def test_so_many_files_notice_the_loss_and_one_fewer_does_not(population: int, confidence: float, loss: float) -> None:
    number = files_to_draw(population, confidence, loss)

    lost = next(count for count in range(population + 1) if count >= loss * population - 1e-9)

    def missed(drawn: int) -> float:
        return comb(population - lost, drawn) / comb(population, drawn)

    assert missed(number) <= 1 - confidence + 1e-12
    assert number == 0 or missed(number - 1) > 1 - confidence - 1e-12


def test_the_known_numbers() -> None:
    assert files_to_draw(80_000_000, 0.95, 0.01) == 299
    assert files_to_draw(80_000_000, 0.99, 0.001) == 4603
    assert files_to_draw(5, 0.95, 0.01) == 5
    assert files_to_draw(0, 0.95, 0.01) == 0
    assert at_most_bad(1_000_000, 100_000, 0, 0.95) == 28


def test_who_has_read_every_file_knows_every_file() -> None:
    assert at_most_bad(7, 7, 0, 0.95) == 0
    assert at_most_bad(7, 7, 3, 0.95) == 3
    assert "that is every file" in SampleStatement(7, 7, 0, 0.95, "a bag").text


def test_who_has_read_nothing_knows_nothing() -> None:
    assert at_most_bad(7, 0, 0, 0.95) == 7


def test_the_statement_says_what_was_drawn_and_what_that_proves() -> None:
    statement = SampleStatement(80_000_000, 299, 0, 0.95, "at azure")

    assert statement.text == (
        "299 of 80,000,000 files (at azure) were drawn at random and read, none of them bad; with 95 % confidence "
        "fewer than 0.997 % of the files are bad (at most 797,530)"
    )
    assert statement.to_json()["atMostBad"] == 797_530


@given(st.integers(2, 5000), st.data())
def test_the_percentage_is_never_rounded_to_something_untrue(population: int, data: st.DataObject) -> None:
    drawn = data.draw(st.integers(1, population - 1))
    statement = SampleStatement(population, drawn, 0, 0.95, "x")
    said = float(statement.text.partition("fewer than ")[2].partition(" %")[0])

    assert statement.at_most / population * 100 < said


@pytest.mark.parametrize(
    "call",
    [
        lambda: at_most_bad(3, 4, 0, 0.95),
        lambda: at_most_bad(3, 2, 3, 0.95),
        lambda: at_most_bad(3, 2, 0, 1.0),
        lambda: files_to_draw(3, 0.0, 0.1),
        lambda: files_to_draw(3, 0.5, 0.0),
    ],
)
def test_nonsense_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"drew|confidence|loss"):
        call()
