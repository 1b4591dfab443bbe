"""Sizes and durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bagfill.quantities import parse_duration, parse_size, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1 B", 1),
        ("4 GiB", 4 << 30),
        ("1.5KiB", 1536),
        ("500 MB", 500_000_000),
        ("2 kB", 2000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1 GiX", "1 iB", "0.5 B", "1 GiB 2", "kB 3", "١ MB"])
def test_texts_that_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|bytes"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1h", 3600),
        ("1h 30m", 5400),
        ("2d", 172800),
        ("0.5s", 0.5),
        ("1h30m", 5400),
        ("90 days", 7776000),
        ("1 day 2 hours", 93600),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "h", "1y", "1h,2m", "-1s"])
def test_texts_that_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (4 << 30, "4.0 GiB"), (3 << 50, "3.0 PiB")]
)
def test_shown_sizes(size: int, text: str) -> None:
    assert show_size(size) == text
