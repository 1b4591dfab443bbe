"""Bags of a service are learnt from its own table, and given one more location there without any other change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.demo.ministack import MiniStack
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import ManifestLocation
from bagfill.registry.registry import AlreadyRegistered, BagGone, BagReplaced, Claim, Registered
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.registry import ServiceRegistry
from bagfill.registry.storage_service.rows import Item, ManifestRow
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import ImportOutcome, import_location
from bagfill.steps.import_service import import_service
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.requests import BackfillRequest, RequestError
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError
from contracts.registry_contract import sealing
from service_world import ServiceWorld, service_world

pytestmark = pytest.mark.servers

LEASE = timedelta(hours=1)


@pytest.fixture
def world(ministack: MiniStack, tmp_path: Path) -> Iterator[ServiceWorld]:
    with service_world(ministack.endpoint, tmp_path, bag_versions=6, shelves=8) as opened:
        yield opened


def registry_of(world: ServiceWorld) -> ServiceRegistry:
    assert world.services.beside is not None
    return world.services.beside.registry


def learn(world: ServiceWorld) -> Any:
    beside = world.services.beside
    assert beside is not None
    return import_service(world.services, beside)


def claim(registry: ServiceRegistry, bag_version: BagVersionId, shelf: str) -> Claim:
    taken = registry.acquire(bag_version, shelf, holder=f"ingest for {shelf}", lease=LEASE)
    assert isinstance(taken, Claim)
    return taken


def add(world: ServiceWorld, bag_version: BagVersionId, shelf: str, registry: ServiceRegistry | None = None) -> Any:
    registry = registry or registry_of(world)
    planned = registry_of(world).manifest(bag_version)
    assert planned is not None
    return registry.register_replica(
        planned_from=planned.manifest,
        location=shelf,
        manifest_location=place(world, bag_version, shelf),
        receipt=(receipt := f"receipts/{bag_version}/{shelf}.jsonl"),
        seal=sealing(receipt),
        claim=claim(registry, bag_version, shelf),
    )


def place(world: ServiceWorld, bag_version: BagVersionId, shelf: str) -> ManifestLocation:
    return world.services.locations[shelf].in_manifest(bag_version.bag)


def request(services: Services, bag: BagId, to: str) -> BackfillRequest:
    fields = {"space": str(bag.space), "external_identifier": str(bag.external_identifier), "destination": to}
    return BackfillRequest.parse(services, f"cli:{uuid4()}", fields)


def allowed_change(before: bytes, after: bytes, added: Mapping[str, Any]) -> None:
    """One element at the end of ``replicaLocations``, and every other byte as it was."""
    was, now = json.loads(before), json.loads(after)
    assert now["replicaLocations"] == [*was["replicaLocations"], added]
    assert list(was) == list(now)
    at = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    length = len(after) - len(before)
    assert before == after[:at] + after[at + length :]


def test_every_spelling_is_learnt_and_a_second_look_opens_nothing(world: ServiceWorld) -> None:
    first = learn(world)
    assert first.counts == {ImportOutcome.IMPORTED: 6, ImportOutcome.ALREADY_KNOWN: 0}
    assert set(registry_of(world).bag_versions()) == {bag.sample.id for bag in world.bags}
    for bag in world.bags:
        assert [each.location for each in registry_of(world).replicas(bag.sample.id)] == ["primary", "cold"]
    again = learn(world)
    assert again.counts[ImportOutcome.ALREADY_KNOWN] == 6
    assert again.is_clean


def test_a_backfill_adds_its_location_to_row_and_json_and_changes_nothing_else(world: ServiceWorld) -> None:
    learn(world)
    s3 = world.setting.client("s3")
    rows, aggregated = world.rows(), world.aggregated()
    texts = {key: world.text(row) for key, row in rows.items()}
    some = world.bags[0].sample.id
    s3.put_object(Bucket=world.setting.responses_bucket, Key=f"responses/{some}", Body=b"old")
    for bag in sorted({bag.sample.id.bag for bag in world.bags}):
        backfill(world.services, request(world.services, bag, "shelf0"))
        assert {i.status for i in world.services.ingests.of_bag(bag, "shelf0")} == {IngestStatus.SUCCEEDED}
    shelf = world.services.locations["shelf0"].bucket
    for key, row in world.rows().items():
        bag, number = key
        added = {"prefix": {"bucket": shelf, "keyPrefix": bag}, "type": "SecondaryLocalStorageLocation"}
        allowed_change(texts[key], world.text(row), added)
        assert _names(row["payload"]) == _names(rows[key]["payload"])
        # The old JSON stays: it is the way back.
        assert world.text(rows[key]) == texts[key]
        before, after = aggregated[f"{bag}/v{number}"], world.aggregated()[f"{bag}/v{number}"]
        own = {"SecondaryLocalReplicaLocation": {"prefix": {"bucket": shelf, "keyPrefix": f"{bag}/v{number}"}}}
        assert after["payload"] == {**before["payload"], "replicas": [*before["payload"]["replicas"], own]}
        assert after["version"] == before["version"] + 1
    assert "Contents" not in s3.list_objects_v2(Bucket=world.setting.responses_bucket)
    assert _messages(world, world.setting.reindex_queue) == 6
    assert _messages(world, world.setting.registered_queue) == 0


def test_concurrent_adders_all_survive(world: ServiceWorld) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    shelves = [f"shelf{n}" for n in range(8)]
    barrier = Barrier(len(shelves))

    def one(shelf: str) -> Any:
        barrier.wait()
        return add(world, bag_version, shelf)

    with ThreadPoolExecutor(len(shelves)) as pool:
        assert all(isinstance(outcome, Registered) for outcome in pool.map(one, shelves))
    row = world.rows()[str(bag_version.bag), bag_version.version.number]
    found = parse_storage_manifest(world.text(row)).replica_locations
    buckets = [each.bucket for each in found]
    assert buckets[0] == world.locations.cold
    assert sorted(buckets[1:]) == sorted(world.services.locations[shelf].bucket for shelf in shelves)
    assert len(world.aggregated()[str(bag_version)]["payload"]["replicas"]) == 9


class Between:
    """The service's table, with something done before each change."""

    def __init__(self, table: Any, before: Callable[[int], None]) -> None:
        self._table = table
        self._before = before
        self.changes = 0

    def get(self, key: Item) -> Item | None:
        return cast("Item | None", self._table.get(key))

    def of_hash(self, name: str, value: str) -> Sequence[Item]:
        return cast("Sequence[Item]", self._table.of_hash(name, value))

    def page(self, segment: int, segments: int, after: str | None) -> tuple[Sequence[Item], str | None]:
        return cast("tuple[Sequence[Item], str | None]", self._table.page(segment, segments, after))

    def change(self, key: Item, values: Item, *, expected: Item) -> bool:
        self.changes += 1
        self._before(self.changes)
        return bool(self._table.change(key, values, expected=expected))


def with_table(world: ServiceWorld, before: Callable[[int], None]) -> tuple[ServiceRegistry, Between]:
    registry = registry_of(world)
    table = Between(registry._service.table, before)
    engine: Engine = registry._engine
    changed = ServiceRegistry(engine, replace(registry._service, table=table))
    changed._sleep = lambda _: None
    return changed, table


def test_a_change_lost_to_another_writer_ten_times_in_a_row_is_made_in_the_end(world: ServiceWorld) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    key = {"id": str(bag_version.bag), "version": bag_version.version.number}
    plain = world.setting.table(world.setting.manifests_table)

    def overtake(number: int) -> None:
        if number <= 10:
            plain.update_item(
                Key=key,
                UpdateExpression="SET payload.touched = :n",
                ExpressionAttributeValues={":n": number},
            )

    registry, table = with_table(world, overtake)
    assert isinstance(add(world, bag_version, "shelf0", registry), Registered)
    assert table.changes == 11
    assert world.rows()[str(bag_version.bag), bag_version.version.number]["payload"]["touched"] == 10


def test_a_bag_deleted_between_verify_and_register_is_gone_and_not_resurrected(world: ServiceWorld) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    key = {"id": str(bag_version.bag), "version": bag_version.version.number}
    plain = world.setting.table(world.setting.manifests_table)

    def delete(_: int) -> None:
        plain.delete_item(Key=key)

    registry, _ = with_table(world, delete)
    assert isinstance(add(world, bag_version, "shelf0", registry), BagGone)
    assert (key["id"], key["version"]) not in world.rows()


def test_a_bag_replaced_under_the_same_version_is_not_registered(world: ServiceWorld) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    key = (str(bag_version.bag), bag_version.version.number)
    row = world.rows()[key]
    other = json.loads(world.text(row)) | {"createdDate": "2025-01-01T00:00:00Z"}
    other["manifest"]["files"][0]["checksum"] = "0" * 64
    pointer = row["payload"]
    world.setting.client("s3").put_object(Bucket=pointer["bucket"], Key="other.json", Body=json.dumps(other).encode())
    changed = {**row, "payload": {**pointer, "key": "other.json"}}
    world.setting.table(world.setting.manifests_table).put_item(Item=changed)
    assert isinstance(add(world, bag_version, "shelf0"), BagReplaced)
    assert world.rows()[key] == changed
    assert learn(world).counts[ImportOutcome.CONFLICTING] == 1


def test_json_missing_behind_a_row_is_told_and_never_taken_for_no_bag(world: ServiceWorld) -> None:
    row = world.rows()[str(world.bags[0].sample.id.bag), 1]
    world.setting.client("s3").delete_object(Bucket=row["payload"]["bucket"], Key=row["payload"]["key"])
    result = learn(world)
    assert result.counts[ImportOutcome.UNREADABLE] == 1
    assert result.counts[ImportOutcome.IMPORTED] == 5
    assert not result.is_clean


class Killed(BaseException):
    """As if the process had been."""


STEPS = ("before the row", "before the aggregator", "before the cache", "before the index", "before our rows")


@pytest.mark.parametrize("step", STEPS)
def test_killed_between_any_two_writes_the_next_run_completes_the_rest(world: ServiceWorld, step: str) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    whole = registry_of(world)._service

    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    class Dying:
        change = get = forget = publish = kill

    registry, _ = with_table(world, kill if step == "before the row" else lambda _: None)
    after: Mapping[str, Aftermath] = {
        "before the aggregator": replace(whole.aftermath, replicas=cast("Any", Dying())),
        "before the cache": replace(whole.aftermath, responses=Dying()),
        "before the index": replace(whole.aftermath, reindex=Dying()),
    }
    registry._service = replace(registry._service, aftermath=after.get(step, whole.aftermath))
    if step == "before our rows":
        registry._record = kill  # type: ignore[method-assign]
    with pytest.raises(Killed):
        add(world, bag_version, "shelf0", registry)
    outcome = add(world, bag_version, "shelf0")
    assert isinstance(outcome, Registered if step == "before the row" else AlreadyRegistered)
    assert [each.location for each in registry_of(world).replicas(bag_version)] == ["primary", "cold", "shelf0"]
    row = world.rows()[str(bag_version.bag), 1]
    assert len(json.loads(world.text(row))["replicaLocations"]) == 2
    assert len(world.aggregated()[str(bag_version)]["payload"]["replicas"]) == 2
    assert _messages(world, world.setting.reindex_queue) >= 1


def test_what_was_killed_after_the_row_moved_is_missing_until_the_rest_is_done_even_if_it_is_learnt_meanwhile(
    world: ServiceWorld,
) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id

    class Dying(Aftermath):
        def complete(self, *_: Any) -> None:
            raise Killed

    registry, _ = with_table(world, lambda _: None)
    registry._service = replace(registry._service, aftermath=Dying())
    with pytest.raises(Killed):
        add(world, bag_version, "shelf0", registry)
    registry.release(claim(registry, bag_version, "shelf0"))
    assert learn(world).is_clean
    assert bag_version in set(registry_of(world).missing("shelf0"))
    assert isinstance(add(world, bag_version, "shelf0"), AlreadyRegistered)
    assert bag_version not in set(registry_of(world).missing("shelf0"))
    assert len(world.aggregated()[str(bag_version)]["payload"]["replicas"]) == 2


def test_a_table_that_does_not_exist_is_an_error_that_names_it(ministack: MiniStack, tmp_path: Path) -> None:
    with service_world(ministack.endpoint, tmp_path, bag_versions=2) as world:
        world.setting.client("dynamodb").delete_table(TableName=world.setting.manifests_table)
        with pytest.raises(StoreError, match=world.setting.manifests_table) as caught:
            learn(world)
        assert not caught.value.retryable


def _names(payload: Mapping[str, Any]) -> list[Any]:
    return [sorted(payload), *(sorted(value) for value in payload.values() if isinstance(value, Mapping))]


def _messages(world: ServiceWorld, queue: str) -> int:
    answer = world.setting.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_what_is_missing_is_told_before_anything_is_opened_or_copied(ministack: MiniStack, tmp_path: Path) -> None:
    with service_world(ministack.endpoint, tmp_path, bag_versions=2) as world:
        learn(world)
        setting, bag = world.setting, world.bags[0].sample.id.bag
        for what, remove in (
            (setting.reindex_topic, lambda: setting.client("sns").delete_topic(TopicArn=setting.reindex_topic)),
            (setting.replicas_table, lambda: setting.client("dynamodb").delete_table(TableName=setting.replicas_table)),
            (
                setting.manifests_table,
                lambda: setting.client("dynamodb").delete_table(TableName=setting.manifests_table),
            ),
        ):
            remove()
            opened = open_ingests(world.services, request(world.services, bag, "shelf0"))
            assert isinstance(opened, StepFailed)
            assert opened.reason is Reason.SERVICE_NOT_READY
            assert what.rpartition(":")[2] in opened.message
        assert not world.services.ingests.of_bag(bag, "shelf0")
        assert list(Path(world.services.locations["shelf0"].bucket).iterdir()) == []


def test_opening_an_installation_beside_a_service_loads_nothing_that_speaks_to_it(
    ministack: MiniStack, tmp_path: Path
) -> None:
    with service_world(ministack.endpoint, tmp_path, bag_versions=2):
        program = (
            "import sys; from pathlib import Path; from bagfill.settings import load_settings;"
            "from bagfill.storage.environment_credentials import EnvironmentCredentials;"
            "from bagfill.wiring import open_services\n"
            "with open_services(load_settings(Path(sys.argv[1]), {}), EnvironmentCredentials({})) as services:\n"
            "    assert services.beside is not None\n"
            "sys.exit(bool({'boto3', 'botocore', 'httpx'} & set(sys.modules)))"
        )
        command = [sys.executable, "-c", program, str(tmp_path / "bagfill.toml")]
        assert subprocess.run(command, check=False).returncode == 0


def test_a_location_that_others_added_is_learnt_and_counted(world: ServiceWorld) -> None:
    learn(world)
    bag_version = world.bags[0].sample.id
    key = (str(bag_version.bag), bag_version.version.number)
    row = world.rows()[key]
    document = json.loads(world.text(row))
    prefix = {"bucket": world.services.locations["shelf0"].bucket, "keyPrefix": key[0]}
    document["replicaLocations"].append({"prefix": prefix, "type": "SecondaryLocalStorageLocation"})
    registry_row = ManifestRow.of(row)
    world.setting.client("s3").put_object(
        Bucket=registry_row.bucket, Key="theirs.json", Body=json.dumps(document).encode()
    )
    payload = registry_row.payload_at(f"{registry_row.bucket}/theirs.json")
    world.setting.table(world.setting.manifests_table).put_item(Item={**row, "payload": payload})
    assert learn(world).is_clean
    assert [each.location for each in registry_of(world).replicas(bag_version)] == ["primary", "cold", "shelf0"]
    kept = registry_of(world).coverage(["primary", "cold", "shelf0"])
    assert sum(each.present_bag_versions for each in kept if each.location == "shelf0") == 1
    registry_of(world).recount()
    assert registry_of(world).coverage(["primary", "cold", "shelf0"]) == kept


def test_a_bucket_is_not_crawled_where_the_service_says_which_bags_there_are(world: ServiceWorld) -> None:
    with pytest.raises(RequestError, match="bagfill import --service"):
        import_location(world.services, "primary")
    assert list(registry_of(world).bag_versions()) == []
