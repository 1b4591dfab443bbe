"""What a random sample proves, exactly.

``n`` files are drawn from ``N`` without replacement, so the number of bad ones among them is hypergeometric. If ``D``
of the ``N`` files were bad, at most ``k`` bad ones would be drawn with probability

    P(X ≤ k | D) = Σ_{j=0…k} C(D, j) · C(N−D, n−j) / C(N, n).

Having drawn ``k``, every ``D`` for which that is at most ``1 − confidence`` is ruled out. The bound is the largest
``D`` that is not (a one-sided Clopper-Pearson bound for a finite population). Computed with whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any


def at_most_bad(population: int, drawn: int, bad: int, confidence: float) -> int:
    """The most bad files that a sample leaves possible.

    Args:
        population: files that could have been drawn; 0 or more.
        drawn: how many were, each at most once.
        bad: how many of those were bad.
        confidence: more than 0 and less than 1.

    Returns:
        The largest number of bad files in the population that the sample does not rule out.

    Raises:
        ValueError: more drawn than there are, more bad than drawn, or a confidence outside its range.
    """
    if not 0 <= bad <= drawn <= population:
        raise ValueError(f"drew {drawn} of {population} and found {bad} bad")
    level = _level(confidence)
    # D = low is possible, for it is what was seen; the good ones that were seen are good.
    low, high = bad, population - (drawn - bad)
    step = 1
    while low < high:
        probe = min(low + step, high)
        if _ruled_out(population, drawn, bad, probe, level):
            high = probe - 1
            break
        low, step = probe, step * 2
    while low < high:
        middle = (low + high + 1) // 2
        if _ruled_out(population, drawn, bad, middle, level):
            high = middle - 1
        else:
            low = middle
    return low


def files_to_draw(population: int, confidence: float, loss: float) -> int:
    """The fewest files to draw so that, none being bad, a share of ``loss`` or more is ruled out.

    Args:
        population: files that can be drawn; 0 or more.
        confidence: more than 0 and less than 1.
        loss: share of damaged files that would be noticed, more than 0 and at most 1.

    Raises:
        ValueError: confidence or loss outside its range.
    """
    if not 0 < loss <= 1:
        raise ValueError(f"a detectable loss is more than 0 and at most 1: {loss}")
    level = _level(confidence)
    share = Fraction(str(loss))
    # The smallest number of files that is this share or more.
    lost = -(-population * share.numerator // share.denominator)
    # Drawing all always proves it; small numbers are tried first, for they are quickly reckoned with.
    low, high = 0, 1
    while high < population and not _ruled_out(population, high, 0, lost, level):
        low, high = high, high * 2
    high = min(high, population)
    while high - low > 1:
        middle = (low + high) // 2
        if _ruled_out(population, middle, 0, lost, level):
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True, slots=True)
class SampleStatement:
    """What one sample proves.

    Args:
        population: files that could be drawn.
        drawn: files that were drawn and read.
        bad: of those, damaged or missing.
        confidence: of the statement.
        about: what the population is, in words.
    """

    population: int
    drawn: int
    bad: int
    confidence: float
    about: str

    @property
    def at_most(self) -> int:
        """The most bad files in the population that are not ruled out."""
        return at_most_bad(self.population, self.drawn, self.bad, self.confidence)

    @property
    def text(self) -> str:
        """In one sentence."""
        seen = "none of them bad" if self.bad == 0 else f"{self.bad} of them bad"
        read = f"{self.drawn:,} of {self.population:,} files ({self.about}) were drawn at random and read, {seen}"
        if self.drawn == self.population:
            return f"{read}; that is every file"
        share = Fraction(self.at_most + 1, self.population)
        level = f"{float(Fraction(str(self.confidence)) * 100):.10g}"
        return (
            f"{read}; with {level} % confidence fewer than {_percent(share)} % of the files are bad "
            f"(at most {self.at_most:,})"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "population": self.population,
            "drawn": self.drawn,
            "bad": self.bad,
            "confidence": self.confidence,
            "atMostBad": self.at_most,
            "about": self.about,
            "text": self.text,
        }


def _percent(share: Fraction) -> str:
    """Rounded up in the third significant digit: "fewer than" stays true."""
    percent = share * 100
    scale = Fraction(1)
    while percent * scale < 100:
        scale *= 10
    rounded = -(-percent * scale // 1) / scale
    return f"{float(rounded):.6g}"


def _level(confidence: float) -> Fraction:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence is more than 0 and less than 1: {confidence}")
    # The decimal number that was written, not the binary one next to it.
    return 1 - Fraction(str(confidence))


def _ruled_out(population: int, drawn: int, bad: int, assumed: int, level: Fraction) -> bool:
    """Whether ``assumed`` bad files would show so few in the sample with a probability of at most ``level``."""
    # Drawn and bad may change places in the formula: C(D,j)·C(N−D,n−j)/C(N,n) = C(n,j)·C(N−n,D−j)/C(N,D).
    small, large = sorted((drawn, assumed))
    ways = sum(comb(large, j) * comb(population - large, small - j) for j in range(min(bad, small) + 1))
    return ways * level.denominator <= level.numerator * comb(population, small)
