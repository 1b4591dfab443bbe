"""Planning, concluding and reading again take a few hundred bytes of memory for each file of a bag, and no more."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from million_files import STEPS, act, opened

from bagfill.planning.limits import Limits

FEW, MANY = 500, 1_500
MEASURED = {"import", "plan", "conclude", "audit", "audit again"}
MOST_BYTES_A_FILE = 1_200
"""Of so few files much is roomy: of a million, each takes about 300 bytes. Objects of Python take some 3,000."""


def peaks(files: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    # What is held of one block and of one shard is the same for every bag: made small, it does not hide the rest.
    monkeypatch.setattr("bagfill.bag.path_table._BLOCKS", 0xFF)
    monkeypatch.setattr("bagfill.steps.records._BLOCK_BYTES", 100_000)
    monkeypatch.setattr("bagfill.registry.manifest_store._BLOCK_BYTES", 100_000)
    monkeypatch.setattr("bagfill.manifest.text._SMALL", 100_000)
    monkeypatch.setattr("bagfill.steps.tag_files.HELD", 100_000)
    found = {}
    folder.mkdir()
    for step in STEPS:
        with opened(files, folder) as services:
            limits = Limits(shard_files=500, concurrency=2)
            if step in MEASURED:
                tracemalloc.start()
            act(step, replace(services, limits=limits), folder)
            if tracemalloc.is_tracing():
                found[step] = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has such a place: a disk would be waited for."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as made:
        yield Path(made)


def test_memory_grows_by_a_few_hundred_bytes_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (peaks(files, folder / str(files), monkeypatch) for files in (FEW, MANY))
    grown = {step: (many[step] - few[step]) / (MANY - FEW) for step in many}
    assert grown.keys() == MEASURED
    assert {step: size for step, size in grown.items() if size > MOST_BYTES_A_FILE} == {}
