"""Lines carry their fields and what they are about, through threads and into files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bagfill.logs import Line, about, carried, tell
from bagfill.logs.files import JsonLines
from bagfill.logs.writing import FIELDS
from bagfill.steps.masking import masked
from bagfill.steps.outcomes import IngestRef

logger = logging.getLogger("bagfill.test")
REF = IngestRef("1f0c", "digitised/b1234/v2", "primary", "azure", 1, "Bulk", 7, campaign="azure-2026")
SAID = {
    "bag": "digitised/b1234",
    "version": "v2",
    "ingest": "1f0c",
    "source": "primary",
    "destination": "azure",
    "campaign": "azure-2026",
}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "log.jsonl"
    handler = JsonLines(path, masked)
    root, ours = logging.getLogger(), logging.getLogger("bagfill")
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield path
    root.removeHandler(handler)
    ours.setLevel(logging.NOTSET)
    handler.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_time(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "timestamp"}


def test_a_line_in_a_file_is_one_json_object_with_its_fields(log: Path) -> None:
    with about(REF):
        tell(logger, Line.SHARD_VERIFIED, shard=2, shards=3, files=12, bytes=1 << 40, seconds=1.5)
    [line] = lines(log)
    own = {"shard": 2, "shards": 3, "files": 12, "bytes": 1 << 40, "seconds": 1.5}
    assert without_time(line) == {
        "level": "info",
        "event": "shard verified",
        **SAID,
        **own,
        "logger": "bagfill.test",
    }
    assert line["timestamp"].endswith("+00:00")


def test_a_plain_log_shows_the_fields_after_the_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with about(REF):
        tell(logger, Line.STEP_FAILED, step="replicating to azure", reason="throttled", again=True, why="503")
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("step failed: bag=digitised/b1234 version=v2 ingest=1f0c ")
    assert record.getMessage().endswith("reason=throttled again=True why=503")
    assert getattr(record, FIELDS)["again"] is True


def test_other_lines_of_the_block_are_about_the_same_and_those_after_it_are_not(log: Path) -> None:
    with about(REF):
        logging.getLogger("urllib3").warning("Retrying")
    logging.getLogger("urllib3").warning("Retrying")
    logging.getLogger("urllib3").info("not ours, and no warning")
    inside, outside = lines(log)
    assert inside.items() >= SAID.items()
    assert not outside.keys() & SAID.keys()


def test_threads_of_a_pool_are_about_what_their_maker_is_about(log: Path) -> None:
    with about(REF), ThreadPoolExecutor(2, initializer=carried()) as pool:
        list(pool.map(lambda _: logger.warning("from a thread"), range(4)))
    assert [line["ingest"] for line in lines(log)] == ["1f0c"] * 4


def test_a_field_that_the_line_does_not_have_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="SHARD_COPIED has no field path"):
        tell(logger, Line.SHARD_COPIED, path="data/secret")


def test_no_field_hides_one_that_logs_have_already() -> None:
    taken = {"timestamp", "level", "event", "logger", "exception", "exc_info", "stack_info", "positional_args"}
    assert not {field for line in Line for field in line.fields} & taken
    assert len({line.text for line in Line}) == len(Line)
    assert not [line.text for line in Line if ":" in line.text]


def test_what_looks_like_a_secret_is_masked_in_a_file(log: Path) -> None:
    url = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abcdef"
    tell(logger, Line.PROVIDER_DOES_NOT_FETCH, location="azure", why=f"failed: {url}")
    try:
        raise RuntimeError(url)
    except RuntimeError:
        logger.exception("Surprise")
    assert "abcdef" not in log.read_text()
    assert "RuntimeError" in lines(log)[1]["exception"]


def test_text_of_any_kind_stays_one_line(log: Path) -> None:
    odd = 'two\nlines "quoted" \u2028 ü 🎞'
    tell(logger, Line.LEFT_ALONE, bag=odd, destination="azure", why="because")
    # One object a line: only a line feed ends one.
    [line] = log.read_text().split("\n")[:-1]
    assert json.loads(line)["bag"] == odd
