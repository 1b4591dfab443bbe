from __future__ import annotations

from datetime import timedelta

from bagfill.planning.freeze import room_before_archive, time_to_verify

DAY = timedelta(days=1)


def test_every_byte_passes_twice_and_every_file_costs_two_requests() -> None:
    assert time_to_verify(files=0, size=100, rate=10) == timedelta(seconds=40)
    assert time_to_verify(files=100, size=0, rate=10) == timedelta(seconds=20)
    assert time_to_verify(files=100, size=100, rate=10) == timedelta(seconds=60)


def test_the_clock_starts_with_the_oldest_object() -> None:
    assert room_before_archive(30 * DAY, oldest=None, thaws_first=True) == 30 * DAY
    assert room_before_archive(30 * DAY, oldest=10 * DAY, thaws_first=False) == 20 * DAY
    assert room_before_archive(30 * DAY, oldest=10 * DAY, thaws_first=True) == 18 * DAY
