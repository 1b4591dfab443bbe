"""A location's limit holds for several processes together: two of them, one database, one server that counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from contracts.databases import sqlite_url, with_tables
from contracts.stub_provider import slow

CONNECTIONS = 4
PROCESS = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from bagfill.database.engine import open_database
from bagfill.storage import gate
from bagfill.storage.credentials import S3Access
from bagfill.storage.limited import LimitedStore
from bagfill.storage.s3 import S3Store
from bagfill.storage.sql_shares import SqlShares

gate._RENEW_SECONDS = 0.0
database, url = sys.argv[1:]
access = S3Access(endpoint_url=url, region="eu-west-1", access_key_id="k", secret_access_key="s")
limits = gate.LocationLimits(connections={CONNECTIONS})
with closing(gate.Gate("stub", limits, SqlShares(open_database(database)), most=32)) as passed:
    store = LimitedStore(S3Store("bucket", access, location="stub"), passed)
    for _ in range(2):
        b"".join(store.read("a"))
        # The other process has done the same now, or will not do more before it has.
        print("there", flush=True)
        sys.stdin.readline()
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda _: b"".join(store.read("a")), range(40)):
            pass
    print("done", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def started(database: str, url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROCESS, database, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_have_no_more_requests_in_flight_than_the_location_allows(tmp_path: Path) -> None:
    database = sqlite_url(tmp_path)
    with (
        with_tables(database),
        slow(b"x", at_once=64, seconds=0.02) as server,
        ExitStack() as stack,
    ):
        both = [stack.enter_context(started(database, server.url)) for _ in range(2)]
        for _ in range(2):
            # Each learns of the other at its second request, when both have leases.
            assert [told(process) for process in both] == ["there"] * 2
            before = len(server.in_flight)
            for process in both:
                go_on(process)
        assert [told(process) for process in both] == ["done"] * 2
        for process in both:
            go_on(process)
        together = server.in_flight[before:]
    assert len(together) == 80
    assert max(together) <= CONNECTIONS
