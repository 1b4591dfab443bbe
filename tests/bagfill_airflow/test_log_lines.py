"""Lines of the core reach Airflow's logs with their fields, and lines of others in the same block with the ids."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from structlog.contextvars import get_contextvars
from structlog.testing import LogCapture

from bagfill.logs import Line, about, carried, tell
from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.log_lines import use_airflows_logs

REF = IngestRef("1f0c", "digitised/b1234/v2", "primary", "azure", 1, "Bulk", 7)
SAID = {"bag": "digitised/b1234", "version": "v2", "ingest": "1f0c", "source": "primary", "destination": "azure"}


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What structlog is given, merged with its context as Airflow does it."""
    before = structlog.get_config()
    captured = LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, captured], cache_logger_on_first_use=False)
    use_airflows_logs()
    yield captured
    structlog.configure(**before)


def test_a_line_has_its_fields_and_what_it_is_about(log: LogCapture) -> None:
    with about(REF):
        tell(logging.getLogger("bagfill.steps"), Line.REGISTERED, files=3, bytes=10, receipt="r")
    own = {"files": 3, "bytes": 10, "receipt": "r"}
    assert log.entries == [{"event": "registered", "log_level": "info", **SAID, **own}]
    assert not get_contextvars()


def test_what_looks_like_a_secret_is_masked(log: LogCapture) -> None:
    url = "https://account.blob.core.windows.net/c/k?sv=2026&sig=abcdef"
    tell(logging.getLogger("bagfill.steps"), Line.BAG_ENDED, bag="digitised/b1", end="failed", why=f"OSError: {url}")
    assert "abcdef" not in str(log.entries)
    assert log.entries[0]["bag"] == "digitised/b1"


def test_threads_and_other_lines_of_the_block_are_about_the_same(log: LogCapture) -> None:
    with about(REF), ThreadPoolExecutor(1, initializer=carried()) as pool:
        pool.submit(lambda: structlog.get_logger("other").warning("retrying")).result()
    assert log.entries == [{"event": "retrying", "log_level": "warning", **SAID}]
