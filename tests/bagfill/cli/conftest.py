"""A place with two folders as locations, one of them filled with the sample collection."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bagfill.cli.app import app
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.write import plant, write_bag
from bagfill.storage.local import LocalStore
from bagfill.storage.location import Location, Provider

SETTINGS = """\
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
[[locations]]
name = "primary"
provider = "local"
path = "source"
[[locations]]
name = "shelf"
provider = "local"
path = "shelf"
writable = true
[[policies]]
locations = ["shelf"]
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Answer]


@dataclass(frozen=True)
class Place:
    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "bagfill.toml"

    @property
    def source(self) -> Location:
        return Location("primary", Provider.LOCAL, str(self.folder / "source"))

    @property
    def shelf(self) -> Location:
        return Location("shelf", Provider.LOCAL, str(self.folder / "shelf"), writable=True)


@pytest.fixture(scope="session")
def collection() -> tuple[SampleBag, ...]:
    return sample_collection("anything", large_file_bytes=9_000_000)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Settings and empty folders."""
    place = Place(tmp_path)
    place.settings.write_text(SETTINGS)
    for name in ("source", "shelf"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("BAGFILL_CONFIG", str(place.settings))
    return place


@pytest.fixture
def fill(place: Place) -> Callable[[tuple[SampleBag, ...]], None]:
    """Writes samples to the source, and what is planted to the shelf."""

    def write(samples: tuple[SampleBag, ...]) -> None:
        source = LocalStore(Path(place.source.bucket), location="primary")
        shelf = LocalStore(Path(place.shelf.bucket), location="shelf")
        for sample in samples:
            write_bag(source, place.source, sample)
            plant(shelf, place.shelf, sample)

    return write


@pytest.fixture
def bagfill() -> Run:
    """Runs a command in this process."""

    def run(*arguments: str | Path) -> Answer:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run
