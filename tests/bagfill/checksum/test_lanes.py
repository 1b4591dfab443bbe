"""The library of lanes is used where it is there, fits the processor and is right; without it everything works."""

from __future__ import annotations

import _ctypes
import ctypes
import logging
import platform
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bagfill.checksum import lanes as module
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.lanes import (
    LIBRARY,
    LibraryUnusable,
    VectorLanes,
    lanes_of_this_machine,
    load_lanes,
    require_right,
)
from bagfill.checksum.side_by_side import RunningHashes
from lane_doubles import HashlibLanes

CPUINFO = Path("/proc/cpuinfo")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    lanes_of_this_machine.cache_clear()
    yield
    lanes_of_this_machine.cache_clear()


def library_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIBRARY", place)


def test_without_the_library_there_are_no_lanes_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library_at(tmp_path / "missing.so", monkeypatch)
    assert lanes_of_this_machine() is None
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(60)])
def test_a_damaged_library_is_not_used_and_named_once(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "lanes.so"
    damaged.write_bytes(content)
    library_at(damaged, monkeypatch)
    with caplog.at_level(logging.WARNING):
        assert lanes_of_this_machine() is None
        assert lanes_of_this_machine() is None
    assert [str(damaged) in record.getMessage() for record in caplog.records] == [True]


def test_another_library_is_not_used() -> None:
    with pytest.raises(LibraryUnusable, match="lanes_of_this_processor"):
        load_lanes(Path(_ctypes.__file__))


def test_a_library_that_lacks_a_function_is_not_used() -> None:
    with pytest.raises(LibraryUnusable, match="_8"):
        VectorLanes(ctypes.CDLL(_ctypes.__file__), 8)


def test_a_processor_without_such_instructions_has_no_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(lanes_of_this_processor=lambda: 0))
    assert load_lanes(LIBRARY) is None


@pytest.mark.parametrize("lane", range(8))
def test_a_library_that_computes_wrongly_in_one_lane_is_found_out(lane: int) -> None:
    with pytest.raises(LibraryUnusable, match="hashlib"):
        require_right(HashlibLanes(wrong_lane=lane))


def test_a_library_that_mixes_up_files_is_found_out() -> None:
    class Mixed(HashlibLanes):
        def hashes(self, algorithm: Algorithm) -> RunningHashes:
            right = super().hashes(algorithm)
            said: list[str] = []

            def digest(lane: int, tail: bytes, size: int) -> str:
                said.append(right.digest(lane, tail, size))
                return said[-2] if len(said) == 20 else said[-1]

            return cast("RunningHashes", SimpleNamespace(start=right.start, update=right.update, digest=digest))

    with pytest.raises(LibraryUnusable, match="hashlib"):
        require_right(Mixed())


@pytest.mark.skipif(not CPUINFO.exists() or platform.machine() != "x86_64", reason="asks Linux about an x86-64")
def test_the_library_finds_what_the_system_says_of_the_processor() -> None:
    if not LIBRARY.exists():
        pytest.skip("the library is not built (`make setup` says why)")
    line = next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags"))
    flags = set(line.split())
    expected = 8 if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags else 4 if "avx2" in flags else 0
    found = lanes_of_this_machine()
    assert (found.width if found else 0) == expected
