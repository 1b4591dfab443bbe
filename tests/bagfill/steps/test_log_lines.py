"""A backfill leaves one line for each shard and each decision, and each says which bag and ingest it is about."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.logs import Line
from bagfill.logs.writing import FIELDS
from bagfill.planning.limits import Limits
from bagfill.steps.backfill import backfill
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from world import World, advance_instead_of_sleeping, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = "digitised/b1234/v1"
SMALL_SHARDS = Limits(shard_bytes=1000, shard_files=2)


@pytest.fixture
def world() -> World:
    made = World()
    made.add(V1, bag_files(BAG, {f"{number}.bin": bytes([number]) * 400 for number in range(6)}))
    return made


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Text and fields of our own lines."""
    ours = [record for record in caplog.records if record.name.startswith("bagfill.")]
    return [(record.getMessage().partition(":")[0], getattr(record, FIELDS, {})) for record in ours]


def run(world: World, **changes: Any) -> Any:
    services = world.services(**changes)
    return backfill(services, world.request(str(BAG)), sleep=advance_instead_of_sleeping(world.clock))


def test_one_line_for_each_shard_and_each_decision(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bagfill")
    world.archive(V1, "data/0.bin")
    result = run(world, limits=SMALL_SHARDS)
    assert result.succeeded
    told = lines(caplog)
    [closed] = result.closed
    assert {fields.get("ingest") for _, fields in told} == {closed.ingest_id}
    assert {fields.get("bag") for _, fields in told} == {str(BAG)}

    counts = Counter(text for text, _ in told)
    [planned] = [fields for text, fields in told if text == Line.PLANNED.text]
    assert planned["copy_shards"] > 1
    for line, key in ((Line.SHARD_COPIED, "copy_shards"), (Line.SHARD_VERIFIED, "verify_shards")):
        of_shards = [fields for text, fields in told if text == line.text]
        assert [fields["shard"] for fields in of_shards] == list(range(1, planned[key] + 1))
        assert sum(fields["files"] for fields in of_shards) == planned["files"]
        assert sum(fields["bytes"] for fields in of_shards) == planned["bytes"]
    for line in (Line.INGEST_OPENED, Line.PLANNED, Line.THAW_ASKED, Line.REGISTERED, Line.INGEST_ENDED):
        assert counts[line.text] == 1, line
    assert [text for text, _ in told][-1] == Line.INGEST_ENDED.text


def test_a_failure_has_its_reason_in_a_field(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bagfill")
    world.put(V1, {"data/0.bin": b"rotten" * 66 + b"!!!!"})
    result = run(world)
    assert not result.succeeded
    [failed] = [fields for text, fields in lines(caplog) if text == Line.STEP_FAILED.text]
    assert (failed["reason"], failed["again"]) == (result.closed[0].reason, False)
    assert "data/0.bin" in failed["why"]
    [ended] = [record for record in caplog.records if record.getMessage().startswith(Line.INGEST_ENDED.text)]
    assert ended.levelno == logging.WARNING
    assert getattr(ended, FIELDS)["status"] == "failed"


def test_what_is_there_already_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert run(world).succeeded
    caplog.clear()
    caplog.set_level(logging.INFO, logger="bagfill")
    assert isinstance(open_ingests(world.services(), world.request(str(BAG), "bag__again")), OpenedIngests)
    [(text, fields)] = lines(caplog)
    assert text == Line.ALREADY_THERE.text
    assert (fields["bag"], fields["version"], fields["destination"]) == (str(BAG), "v1", "azure")
