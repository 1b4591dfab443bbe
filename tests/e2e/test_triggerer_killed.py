"""A triggerer is killed while 200 bags wait for their thaws: each goes on once, and no thaw is asked for twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from bagfill.bag.identifiers import BagId
from bagfill.logs import Line
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import ThawSummary, request_thaw
from bagfill.steps.requests import BackfillRequest
from held_runs import HeldRuns, held_runs
from whole_system import System
from world import bag_files

pytestmark = [pytest.mark.e2e, pytest.mark.servers, pytest.mark.airflow, pytest.mark.timeout(900)]

BAGS = 200
SPACE = "waiting"
TAPE = "data/tape.wav"


def test_each_of_200_waits_goes_on_once_in_the_triggerer_that_follows(system: System) -> None:
    """Triggerer, databases and S3 are real. The 200 runs are put into Airflow's database as the scheduler would leave
    them, and it stands still meanwhile: 200 runs through it take ten minutes of two cores.
    """
    supervisor = system.stack.supervisor
    put_bags(system)
    with recorded_requests(system), ExitStack() as clock:
        clock.enter_context(system.stack.ministack.stopped_clock())
        with ThreadPoolExecutor(4) as pool:
            refs = list(pool.map(lambda number: asked_for(system, number), range(BAGS)))
        with held_runs(system, system.passive["other bytes"], refs) as held:
            first = holder(system, held)
            restarts = supervisor.restarts("triggerer")
            os.kill(supervisor.pid("triggerer"), signal.SIGKILL)
            system.eventually(lambda: supervisor.restarts("triggerer") > restarts, "another triggerer starts")
            holder(system, held, but=first)
            assert held.went_on() == []

            # Time goes on for S3, and the thaws come to their end.
            clock.close()
            system.eventually(lambda: not held.holders(), "nothing is waited for any more")
            went_on = held.went_on()
        requests = thaws_asked_for(system)
    assert Counter(run_id for run_id, _ in went_on) == {f"held_{number}": 1 for number in range(BAGS)}
    assert all('"readable": [0]' in event for _, event in went_on), went_on[0]
    assert requests == [1] * BAGS


def holder(system: System, held: HeldRuns, *, but: int | None = None) -> int:
    """The job of the triggerer that holds all waits, once it has looked after each of them."""

    def one_has_them_all() -> bool:
        return held.holders().keys().isdisjoint({None, but}) and [*held.holders().values()] == [BAGS]

    system.eventually(one_has_them_all, f"a triggerer other than {but} holds all waits")
    [found] = held.holders()
    assert found is not None
    logs = system.stack.airflow.home / "logs" / "dag_id=backfill_bag"

    def has_looked_at_each() -> bool:
        written = logs.glob(f"run_id=held_*/task_id=thaw.wait/*.trigger.{found}.log")
        return sum(Line.THAW_LOOKED_AT.text in log.read_text() for log in written) == BAGS

    system.eventually(has_looked_at_each, f"the triggerer {found} looks at each thaw", 0.5)
    return found


def put_bags(system: System) -> None:
    """Each with one archived file."""
    source, s3 = system.services.locations["primary"], client(system, "s3")

    def put(number: int) -> None:
        bag = BagId.parse(f"{SPACE}/{number}")
        for path, data in bag_files(bag, {"tape.wav": b"%d" % number}).items():
            kind = {"StorageClass": "GLACIER"} if path == TAPE else {}
            key = source.version_prefix(bag.version(1)) + path
            s3.put_object(Bucket=source.bucket, Key=key, Body=data, **kind)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(BAGS)))
    assert import_location(system.services, "primary", space=SPACE).is_clean


def asked_for(system: System, number: int) -> IngestRef:
    """What the tasks before the wait do."""
    wanted = {"space": SPACE, "external_identifier": str(number), "destination": "azure"}
    opened = open_ingests(system.services, BackfillRequest.parse(system.services, f"held_{number}", wanted))
    assert isinstance(opened, OpenedIngests)
    [ref] = opened.refs
    assert isinstance(plan_replication(system.services, ref), PlanSummary)
    assert request_thaw(system.services, ref) == ThawSummary(total=1, asked=1, in_progress=0, readable=0)
    return ref


@contextmanager
def recorded_requests(system: System) -> Iterator[None]:
    """CloudTrail of MiniStack notes every request meanwhile."""

    def record(wanted: str) -> None:
        address = f"{system.stack.ministack.endpoint}/_ministack/config"
        httpx.post(address, json={"cloudtrail._recording_enabled": wanted}, trust_env=False).raise_for_status()

    record("true")
    try:
        yield
    finally:
        record("false")


def thaws_asked_for(system: System) -> list[int]:
    """How often a thaw of each bag was asked for, refused requests included."""
    source, trail = system.services.locations["primary"], client(system, "cloudtrail")
    counts = []
    for number in range(BAGS):
        key = source.version_prefix(BagId.parse(f"{SPACE}/{number}").version(1)) + TAPE
        wanted = [{"AttributeKey": "ResourceName", "AttributeValue": key}]
        found = trail.lookup_events(LookupAttributes=wanted)["Events"]
        # It has one name for every POST to an object; there is no other than a thaw's here.
        counts.append(sum(event["EventName"] == "CreateMultipartUpload" for event in found))
    return counts


def client(system: System, service: str) -> Any:
    server = system.stack.ministack
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
