"""The demo's judgement notices what is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.judgement import judge
from bagfill.demo.write import plant, write_bag
from bagfill.ingests.reasons import Reason
from bagfill.settings import parse_settings
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.local import LocalStore
from bagfill.wiring import open_services

NAMES = ("born-digital/SA.GEO.7/v1", "born-digital/bit-rot/v1", "digitised/b40000019/v1")


@pytest.fixture
def samples() -> tuple[SampleBag, ...]:
    return tuple(bag for bag in sample_collection("any", large_file_bytes=10) if str(bag.id) in NAMES)


@pytest.fixture
def services(tmp_path: Path, samples: tuple[SampleBag, ...]) -> Iterator[Services]:
    """Everything was backfilled, and the two bad ones failed."""
    places = {"source": False, "shelf": True}
    document = {
        "registry": {"database": "sqlite:///registry.sqlite"},
        **{key: {"path": key} for key in ("work_area", "receipts", "manifests")},
        "locations": [
            {"name": name, "provider": "local", "path": name, "writable": writable} for name, writable in places.items()
        ],
    }
    settings = parse_settings(document, tmp_path / "bagfill.toml", {})
    for name in places:
        (tmp_path / name).mkdir()
    source = LocalStore(tmp_path / "source", location="source")
    with open_services(settings, EnvironmentCredentials({})) as services:
        for sample in samples:
            write_bag(source, services.locations["source"], sample)
            plant(services.stores.writing(services.locations["shelf"]), services.locations["shelf"], sample)
        import_location(services, "source")
        for number, sample in enumerate(samples):
            fields = {
                "space": str(sample.id.space),
                "external_identifier": str(sample.id.external_identifier),
                "destination": "shelf",
            }
            backfill(services, BackfillRequest.parse(services, f"test:{number}", fields))
        yield services


def problems(services: Services, samples: tuple[SampleBag, ...]) -> dict[str, list[str]]:
    judged = judge(services, samples, "source", "shelf")
    return {str(bag.sample.id): list(bag.problems) for bag in judged if bag.problems}


def test_all_is_well(services: Services, samples: tuple[SampleBag, ...]) -> None:
    judged = judge(services, samples, "source", "shelf")
    assert {str(bag.sample.id): (bag.outcome, bag.problems) for bag in judged} == {
        "born-digital/SA.GEO.7/v1": ("registered", ()),
        "born-digital/bit-rot/v1": ("source-corrupt", ()),
        "digitised/b40000019/v1": ("other-bytes-at-destination", ()),
    }


def _remove_a_copy(folder: Path) -> None:
    (folder / "shelf/born-digital/SA.GEO.7/v1/bag-info.txt").unlink()


def _add_an_object(folder: Path) -> None:
    (folder / "shelf/born-digital/SA.GEO.7/v1/stray.txt").write_text("x")


def _lose_the_receipt(folder: Path) -> None:
    for receipt in (folder / "receipts").rglob("*.jsonl"):
        receipt.unlink()


def _overwrite_what_was_planted(folder: Path) -> None:
    page = folder / "shelf/digitised/b40000019/v1/data/page.jp2"
    page.write_bytes(b"x" * page.stat().st_size)


@pytest.mark.parametrize(
    ("harm", "bag"),
    [
        (_remove_a_copy, "born-digital/SA.GEO.7/v1"),
        (_add_an_object, "born-digital/SA.GEO.7/v1"),
        (_lose_the_receipt, "born-digital/SA.GEO.7/v1"),
        (_overwrite_what_was_planted, "digitised/b40000019/v1"),
    ],
)
def test_harm_is_noticed(
    services: Services, samples: tuple[SampleBag, ...], tmp_path: Path, harm: Callable[[Path], None], bag: str
) -> None:
    harm(tmp_path)
    assert problems(services, samples).keys() == {bag}


def test_another_end_than_expected_is_noticed(services: Services, samples: tuple[SampleBag, ...]) -> None:
    swapped = {
        "born-digital/SA.GEO.7/v1": Reason.NAME_REFUSED,
        "born-digital/bit-rot/v1": None,
        "digitised/b40000019/v1": Reason.SOURCE_CORRUPT,
    }
    others = tuple(replace(bag, expected=swapped[str(bag.id)]) for bag in samples)
    assert problems(services, others).keys() == swapped.keys()
