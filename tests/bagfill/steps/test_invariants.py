"""The twelve invariants of the design, each under faults that hypothesis chooses; the drill looks after every process.

Examples are drawn from a fixed seed (``derandomize``): a red run is red again on the next machine.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider
from bagfill.registry.registry import Claim
from bagfill.steps.backfill import backfill
from bagfill.steps.close_ingest import close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.verify_shard import verify_shard
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo, ObjectStore
from contracts.registry_contract import sealing
from invariants_drill import (
    BAG,
    LIMITS,
    PARTS,
    V1,
    V1_FILES,
    V2,
    V2_FILES,
    Chaos,
    Drill,
    Place,
    make_small_and_repeatable,
)
from world import World, advance_instead_of_sleeping, with_tag_file

BOTH = {V1: V1_FILES, V2: V2_FILES}
ARCHIVED = ("data/a.txt", "data/large.bin")
OXUM_TWICE = with_tag_file(
    V1_FILES, "bag-info.txt", V1_FILES["bag-info.txt"] + V1_FILES["bag-info.txt"].splitlines(True)[1]
)

few = settings(max_examples=15, deadline=None, derandomize=True)
many = settings(max_examples=80, deadline=None, derandomize=True)

passing_failures = st.sampled_from(
    [StoreFailure.UNAVAILABLE, StoreFailure.THROTTLED, StoreFailure.CONFLICT, StoreFailure.DENIED]
)
honest = st.sampled_from([FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER, FaultKind.REFUSE, FaultKind.LOSE_ANSWER])
any_kind = st.sampled_from(list(FaultKind))


def plans(kinds: st.SearchStrategy[FaultKind], most: int = 6) -> st.SearchStrategy[dict[Place, Fault]]:
    """What goes wrong where: part and number of the call → fault."""
    places = st.tuples(st.sampled_from(PARTS), st.integers(0, 90))
    return st.dictionaries(places, st.builds(Fault, kinds, passing_failures), max_size=most)


@pytest.fixture(scope="module", autouse=True)
def small_and_repeatable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_small_and_repeatable(patch)
        yield


@many
@given(plans(any_kind), st.booleans())
def test_invariants_1_to_8_hold_through_any_faults_and_a_good_bag_arrives(
    faults: dict[Place, Fault], twice: bool
) -> None:
    drill = Drill(Chaos(faults), versions=BOTH, archived=ARCHIVED, twice=twice)

    drill.until_registered(len(faults) + 2)


@few
@given(plans(any_kind), st.sampled_from(sorted(V1_FILES)), st.booleans())
def test_invariant_1_a_corrupt_source_is_never_registered(faults: dict[Place, Fault], path: str, longer: bool) -> None:
    drill = Drill(Chaos(faults), versions={V1: V1_FILES})
    good = V1_FILES[path]
    bad = good + b"!" if longer or not good else bytes([good[0] ^ 1]) + good[1:]
    drill.world.put(V1, {path: bad})

    for number in range(3):
        drill.request(f"bag__{number}")
        drill.world.clock.advance(timedelta(hours=2))

    assert not drill.world.is_registered(V1)


@few
@given(plans(honest), st.lists(st.sampled_from(["first", "second"]), max_size=2, unique=True))
def test_invariant_2_other_replicas_and_unknown_keys_of_a_manifest_survive_verbatim(
    faults: dict[Place, Fault], others: list[str]
) -> None:
    # Another process adds locations meanwhile; `watch_manifest` compares bytes with the original as it was then.
    drill = Drill(Chaos(faults))
    registry = drill.world.registry
    for name in others:
        claim = registry.acquire(BagVersionId.parse(V1), name, holder="other", lease=timedelta(hours=1))
        assert isinstance(claim, Claim)
        stored = registry.manifest(BagVersionId.parse(V1))
        assert stored is not None
        registry.register_replica(
            planned_from=stored.manifest,
            location=name,
            manifest_location=ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, name, str(BAG)),
            receipt="theirs",
            seal=sealing("theirs"),
            claim=claim,
        )
    drill.originals[V1] = drill.manifest(V1)

    drill.until_registered(len(faults) + 2)


@few
@given(plans(any_kind), st.sampled_from(sorted(V1_FILES)))
def test_invariant_3_what_lies_at_the_destination_stays_and_stops_the_bag(
    faults: dict[Place, Fault], path: str
) -> None:
    drill = Drill(Chaos(faults))
    theirs = bytes(reversed(V1_FILES[path])) + b"?"
    drill.world.put(V1, {path: theirs}, bucket=drill.world.destination)

    for number in range(2):
        drill.request(f"bag__{number}")
        drill.world.clock.advance(timedelta(hours=2))

    assert drill.world.at_destination(V1)[path] == theirs
    assert not drill.world.is_registered(V1)
    assert drill.world.destination.overwritten == []
    assert drill.world.destination.removed == []


@few
@given(plans(honest))
def test_invariant_3_unreadable_is_not_absent(faults: dict[Place, Fault]) -> None:
    # Every question about the destination is refused for good: nothing may be written, let alone registered.
    refused = {("destination", number): Fault(FaultKind.REFUSE, StoreFailure.DENIED) for number in range(500)}
    drill = Drill(Chaos({**faults, **refused}))

    drill.request("bag__one")

    assert drill.world.at_destination(V1) == {}
    assert not drill.world.is_registered(V1)


class _StrayAfterPlan:
    """Somebody lays an object into the destination's folder while the copy runs."""

    def __init__(self, drill_world: World) -> None:
        self._world = drill_world
        self._done = False

    def __call__(self, operation: str, key: str) -> Fault | None:
        if operation == "create" and not self._done:
            self._done = True
            self._world.destination.put_unconditionally(f"{V1}/data/stray.txt", b"stray")
        return None


def test_invariant_4_an_object_that_appears_after_the_plan_stops_the_registration() -> None:
    world = World(limits=LIMITS)
    world.add(V1, V1_FILES)
    services = world.services(destination=_StrayAfterPlan(world))

    result = backfill(services, world.request(str(BAG)), sleep=advance_instead_of_sleeping(world.clock))

    assert [closed.reason for closed in result.closed] == [Reason.EXTRA_OBJECTS_AT_DESTINATION.code]
    assert "data/stray.txt" in result.closed[0].message
    assert not world.is_registered(V1)


@few
@given(plans(any_kind), st.sampled_from(sorted(V1_FILES)))
def test_invariant_5_a_version_is_never_registered_without_the_one_it_fetches_from(
    faults: dict[Place, Fault], path: str
) -> None:
    # v1 cannot be replicated, since its source is corrupt; v2 is sound in itself.
    drill = Drill(Chaos(faults), versions=BOTH)
    drill.world.put(V1, {path: V1_FILES[path] + b"!"})

    drill.request("bag__one")
    drill.world.clock.advance(timedelta(hours=2))
    drill.request("bag__two", version="v2")

    assert not drill.world.is_registered(V1)
    assert not drill.world.is_registered(V2)


def test_invariant_5_a_fetched_file_that_vanished_from_the_destination_stops_the_later_version() -> None:
    drill = Drill(versions=BOTH)
    drill.request("bag__one", version="v1")
    drill.world.destination.remove(f"{V1}/data/a.txt")
    drill.versions = {V2: V2_FILES}

    closed = drill.request("bag__two", version="v2")

    assert closed is not None
    assert closed[0].reason == Reason.DESTINATION_INCOMPLETE.code
    assert "v1/data/a.txt" in closed[0].message
    assert not drill.world.is_registered(V2)


@few
@given(st.sampled_from([name for name in V1_FILES if "/" not in name]), plans(honest, most=2))
def test_invariant_6_tag_files_that_differ_from_the_source_are_never_registered(
    name: str, faults: dict[Place, Fault]
) -> None:
    # The same length, so that only the bytes tell.
    drill = Drill(Chaos(faults))
    wrong = V1_FILES[name][:-1] + b"~"
    drill.world.put(V1, {name: wrong}, bucket=drill.world.destination)

    drill.request("bag__one")

    assert not drill.world.is_registered(V1)
    assert drill.world.at_destination(V1)[name] == wrong


@many
@given(st.lists(st.integers(0, 1), min_size=0, max_size=24), plans(honest, most=3), st.booleans())
def test_invariant_7_of_two_runs_in_any_interleaving_a_stale_one_changes_nothing(
    turns: list[int], faults: dict[Place, Fault], expires: bool
) -> None:
    # Two requests for the same bag advance step by step in a drawn order; the clock passes the lease in between.
    drill = Drill(Chaos(faults))
    runs = [_steps(drill, "bag__one"), _steps(drill, "bag__two")]
    for turn in turns:
        next(runs[turn], None)
        if expires:
            drill.world.clock.advance(drill.limits.lease / 2)
    for run in runs:
        for _ in run:
            pass
    drill.world.clock.advance(drill.limits.lease * 2)

    if not drill.is_done:
        drill.until_registered(len(faults) + 2)

    replicas = drill.world.registry.replicas(BagVersionId.parse(V1))
    assert [replica.location for replica in replicas] == ["primary", "azure"]


def _steps(drill: Drill, request_id: str) -> Iterator[None]:
    """One run of the workflow, one task after the other."""
    request = drill.world.request(str(BAG), request_id)
    opened = drill.process(lambda services: open_ingests(services, request))
    yield
    if isinstance(opened, OpenedIngests):
        for ref in opened.refs:
            yield from _of_one_ingest(drill, ref)
    drill.process(lambda services: close_ingests(services, request_id))


def _of_one_ingest(drill: Drill, ref: IngestRef) -> Iterator[None]:
    plan = drill.process(lambda services: plan_replication(services, ref))
    yield
    if not isinstance(plan, PlanSummary):
        return
    for index in range(plan.copy_shards):
        if not drill.copy(ref, index):
            return
        yield
    for index in range(plan.verify_shards):
        if not drill.succeeds(lambda services, i=index: verify_shard(services, ShardRef(ref, i))):
            return
        yield
    drill.process(lambda services: conclude_replica(services, ref))
    yield


def test_invariant_7_a_holder_whose_claim_was_taken_is_refused_at_every_step() -> None:
    world = World(limits=LIMITS)
    world.add(V1, V1_FILES)
    services = world.services()
    stale = open_ingests(services, world.request(str(BAG), "bag__stale"))
    assert isinstance(stale, OpenedIngests)
    ref = stale.refs[0]
    plan = plan_replication(services, ref)
    assert isinstance(plan, PlanSummary)
    world.clock.advance(LIMITS.lease * 2)
    fresh = open_ingests(services, world.request(str(BAG), "bag__fresh"))
    assert isinstance(fresh, OpenedIngests)
    assert fresh.refs[0].token == ref.token + 1
    before = world.destination.contents(), world.registry.manifest(ref.id)

    answers = [
        plan_replication(services, ref),
        *(copy_shard(services, ShardRef(ref, index)) for index in range(plan.copy_shards)),
        *(verify_shard(services, ShardRef(ref, index)) for index in range(plan.verify_shards)),
        conclude_replica(services, ref),
    ]

    assert {answer.reason for answer in answers if isinstance(answer, StepFailed)} == {Reason.CLAIM_LOST}
    assert all(isinstance(answer, StepFailed) for answer in answers)
    assert (world.destination.contents(), world.registry.manifest(ref.id)) == before


@pytest.mark.parametrize("round_", range(6))
def test_invariant_7_two_threads_at_once_leave_one_replica_and_no_damage(
    round_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Real threads: pools and heartbeats as in production.
    monkeypatch.undo()
    world = World(limits=replace(LIMITS, concurrency=4))
    world.add(V1, V1_FILES)
    gate = threading.Barrier(3)

    def run(number: int) -> list[str | None]:
        gate.wait()
        result = backfill(world.services(), world.request(str(BAG), f"bag__{number}"), sleep=lambda _: None)
        return [closed.reason for closed in result.closed]

    with ThreadPoolExecutor(3) as pool:
        reasons = sorted(str(answer) for answer in pool.map(run, range(3)))

    assert world.at_destination(V1) == V1_FILES
    replicas = world.registry.replicas(BagVersionId.parse(V1))
    assert [replica.location for replica in replicas] == ["primary", "azure"]
    assert set(reasons) <= {"[None]", "[]", f"['{Reason.ALREADY_RUNNING.code}']"}
    assert "[None]" in reasons


@few
@given(plans(honest, most=4), st.integers(0, 3))
def test_invariant_8_and_10_a_thaw_is_paid_once_unless_its_copies_expired(
    faults: dict[Place, Fault], pause_days: int
) -> None:
    drill = Drill(Chaos(faults), archived=ARCHIVED)
    drill.request("bag__one")
    drill.world.clock.advance(timedelta(days=2 * pause_days))

    drill.until_registered(len(faults) + 2)

    paid = Counter(key for key, _, _ in drill.world.source.thaw_requests)
    # Thawed copies live five days, rounded up; a pause of six days is one expiry at most.
    most = 1 if pause_days < 3 else 2
    assert set(paid) == {f"{V1}/{path}" for path in ARCHIVED}
    assert max(paid.values()) <= most


def test_invariant_8_and_10_nothing_is_thawed_again_for_files_that_are_at_the_destination() -> None:
    drill = Drill(archived=ARCHIVED)
    opened = drill.process(lambda services: open_ingests(services, drill.world.request(str(BAG), "bag__one")))
    assert isinstance(opened, OpenedIngests)
    ref = opened.refs[0]
    plan = drill.process(lambda services: plan_replication(services, ref))
    assert isinstance(plan, PlanSummary)
    assert drill.thaw(ref)
    assert drill.shards(plan.copy_shards, lambda index: drill.copy(ref, index))
    drill.world.clock.advance(timedelta(days=30))
    for name in [name for name in drill.world.records.contents() if "/copied/" in name]:
        drill.world.records.remove(name)

    # Cleared and run again, from its first task and by its first plan, long after the thawed copies went away.
    drill.request("bag__one")

    assert drill.is_done
    assert len(drill.world.source.thaw_requests) == len(ARCHIVED)


class _Lying:
    """A store one of whose listings leaves objects out, and says nothing."""

    def __init__(self, inner: ObjectStore, *, at: int, keep: int) -> None:
        self._inner = inner
        self._at = at
        self._keep = keep
        self.listings = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        number, self.listings = self.listings, self.listings + 1
        found = list(self._inner.list(prefix))
        yield from found[: self._keep] if number == self._at else found


@few
@given(
    st.sampled_from(["source", "destination"]),
    st.integers(0, 5),
    st.integers(0, len(V1_FILES) - 1),
    plans(honest, most=2),
)
def test_invariant_9_an_empty_or_short_listing_never_yields_a_registration_of_less(
    part: str, at: int, keep: int, faults: dict[Place, Fault]
) -> None:
    liars: dict[str, _Lying] = {}

    def wrap(name: str, store: ObjectStore) -> ObjectStore:
        if name != part:
            return store
        # One liar for all processes, so that it lies once.
        return liars.setdefault(name, _Lying(store, at=at, keep=keep))  # type: ignore[return-value]

    drill = Drill(Chaos(faults), wrap=wrap)

    drill.until_registered(len(faults) + 3)


@few
@given(st.sampled_from(sorted(V1_FILES)), st.booleans())
def test_invariant_9_a_bag_that_was_replaced_meanwhile_is_not_registered(path: str, vanished: bool) -> None:
    drill = Drill()
    opened = drill.process(lambda services: open_ingests(services, drill.world.request(str(BAG), "bag__one")))
    assert isinstance(opened, OpenedIngests)
    assert drill.replicate(opened.refs[0])
    if vanished:
        drill.world.source.remove(f"{V1}/{path}")
    else:
        drill.world.put(V1, {path: V1_FILES[path]})

    outcome = conclude_replica(drill.services(), opened.refs[0])

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.SOURCE_CHANGED
    assert path in outcome.message
    assert not drill.world.is_registered(V1)


@few
@given(plans(honest, most=4), st.integers(0, 10_000))
def test_invariant_10_nothing_is_asked_for_beyond_the_limit(faults: dict[Place, Fault], limit: int) -> None:
    drill = Drill(Chaos(faults), limits=replace(LIMITS, max_thaw_bytes=limit), archived=ARCHIVED)

    drill.request("bag__one")

    asked = {key for key, _, _ in drill.world.source.thaw_requests}
    assert sum(len(V1_FILES[key.removeprefix(f"{V1}/")]) for key in asked) <= limit
    if limit >= sum(len(V1_FILES[path]) for path in ARCHIVED):
        drill.world.clock.advance(timedelta(hours=2))
        drill.until_registered(len(faults) + 1)


@few
@given(plans(any_kind, most=4), st.sets(st.sampled_from(sorted(V1_FILES)), min_size=1))
def test_invariant_10_the_payload_of_a_bag_that_cannot_pass_is_never_asked_for(
    faults: dict[Place, Fault], archived: set[str]
) -> None:
    # The storage service registers such a bag, and BagIt forbids it: its Payload-Oxum is there twice.
    drill = Drill(Chaos(faults), versions={V1: OXUM_TWICE}, archived=tuple(archived))

    for number in range(2):
        drill.request(f"bag__{number}")
        drill.world.clock.advance(timedelta(hours=2))

    asked = {key.removeprefix(f"{V1}/") for key, _, _ in drill.world.source.thaw_requests}
    assert asked <= {path for path in archived if "/" not in path}
    assert drill.world.at_destination(V1) == {}
    assert not drill.world.is_registered(V1)


def test_invariant_10_a_limit_lowered_after_the_plan_holds_as_well() -> None:
    world = World(limits=LIMITS)
    world.add(V1, V1_FILES)
    world.archive(V1, *ARCHIVED)
    opened = open_ingests(world.services(), world.request(str(BAG)))
    assert isinstance(opened, OpenedIngests)
    plan_replication(world.services(), opened.refs[0])
    world.limits = replace(LIMITS, max_thaw_bytes=10)

    outcome = request_thaw(world.services(), opened.refs[0])

    assert isinstance(outcome, StepFailed)
    assert outcome.reason is Reason.BUDGET_REACHED
    assert world.source.thaw_requests == []


@few
@given(plans(any_kind, most=3), st.sampled_from(sorted(path for path in V1_FILES if V1_FILES[path])))
def test_invariant_11_every_failure_names_bag_version_and_location_and_is_in_the_events(
    faults: dict[Place, Fault], path: str
) -> None:
    drill = Drill(Chaos(faults))
    drill.world.put(V1, {path: bytes([V1_FILES[path][0] ^ 1]) + V1_FILES[path][1:]})

    drill.request("bag__one")

    ingests = drill.world.ingests.of_request("bag__one")
    events = [event.description for ingest in ingests for event in ingest.events]
    for failure in drill.failures:
        assert V1 in failure.message
        assert any(place in failure.message for place in ("primary", "azure", "work", "receipts"))
        assert failure.reason.advice in failure.text
    for ingest in ingests:
        assert ingest.status is not IngestStatus.SUCCEEDED
    assert not drill.failures or any(V1 in event for event in events)
    corrupt = [failure for failure in drill.failures if failure.reason is Reason.SOURCE_CORRUPT]
    for failure in corrupt:
        assert "expected" in failure.message
        assert "saw" in failure.message


SECRET = "PSSST-9f2d"
LEAKS = [
    f"https://account.blob.core.windows.net/c/k?sv=2026-02-06&sig={SECRET}",
    f"PUT https://bucket.s3.amazonaws.com/key?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET} failed",
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET};EndpointSuffix=core.windows.net",
    f"could not connect to postgresql://bagfill:{SECRET}@db/bagfill",
    f"X-Amz-Security-Token: {SECRET}",
    f"Authorization: AWS4-HMAC-SHA256 Credential={SECRET}, Signature={SECRET}",
    f"password={SECRET}",
]


class _Leaking:
    """A store whose errors carry a library's text with a secret in it; which the contract of stores forbids."""

    def __init__(self, inner: ObjectStore, detail: str) -> None:
        self._inner = inner
        self._detail = detail
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def read(self, key: str, **_: object) -> Iterator[bytes]:
        raise StoreError(
            StoreFailure.UNAVAILABLE, location=self._inner.location, key=key, operation="read", detail=self._detail
        )
        yield b""


@pytest.mark.parametrize("detail", LEAKS)
@pytest.mark.parametrize("part", ["source", "destination"])
def test_invariant_12_no_secret_reaches_events_records_results_or_the_log(
    detail: str, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    def wrap(name: str, store: ObjectStore) -> ObjectStore:
        return _Leaking(store, detail) if name == part else store  # type: ignore[return-value]

    drill = Drill(wrap=wrap, archived=("data/a.txt",))

    closed = drill.request("bag__one")

    assert drill.failures
    ingests = drill.world.ingests.of_request("bag__one")
    seen = [event.description for ingest in ingests for event in ingest.events]
    seen += [failure.text for failure in drill.failures] + [str(failure) for failure in drill.failures]
    seen += [json.dumps([each.to_json() for each in closed or ()]), caplog.text]
    seen += [data.decode() for data in drill.records().values()]
    assert not [text for text in seen if SECRET in text]


def test_invariant_12_names_of_connections_stay_out_of_plans_results_and_receipts() -> None:
    drill = Drill()
    for name, location in list(drill.world.locations.items()):
        marked = replace(location, read_connection=f"{SECRET}-read", write_connection=f"{SECRET}-write")
        assert isinstance(marked, Location)
        drill.world.locations[name] = marked

    drill.until_registered(1)

    ingest = drill.world.ingests.of_request("bag__drill0")[0]
    assert not [event for event in ingest.events if SECRET in event.description]
    assert not [name for name, data in drill.records().items() if SECRET.encode() in data or SECRET in name]


def test_invariant_12_no_module_of_the_core_turns_tls_verification_off() -> None:
    core = Path(__file__).parents[3] / "include" / "bagfill"
    sources = [path.read_text() for path in core.rglob("*.py")]
    assert len(sources) > 50
    for switch in ("verify=False", "connection_verify=False", '"allow_invalid_certificates": "true"'):
        assert not [source for source in sources if switch in source]
