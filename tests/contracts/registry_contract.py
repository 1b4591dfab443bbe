"""What every registry does, whatever keeps it: subclass, and give the fixture ``registry``."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bagfill.manifest.append import with_replica_location
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import (
    Added,
    AlreadyKnown,
    AlreadyRegistered,
    BagGone,
    BagReplaced,
    Claim,
    ClaimLostError,
    ConflictingManifest,
    CoverageRow,
    HeldByAnother,
    Registered,
    Registry,
    ReplicaRecord,
)
from bagfill.registry.seals import ChainPosition, MakeSeal, SealRecord
from contracts.sample_manifests import (
    bag_version,
    manifest_document,
    manifest_location,
    manifest_of,
    sample_manifest,
)

MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
AWKWARD = (
    "PP/MIA/1",
    "PP MIA 1",
    "a.b-c_d",
    "A",
    "a",
    "PP/MIA/",
    "x//y",
    "ends.",
    "50% Ångström",
    "'; DROP TABLE bags",
)

# The registry of a test is shared by the examples of a property: each takes a bag of its own.
property_settings = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
_numbers = count()


class TurnableClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, by: timedelta) -> None:
        self.now += by


def fresh_manifest() -> StorageManifest:
    return sample_manifest(bag_version(f"fresh-{next(_numbers)}"))


def held(registry: Registry, manifest: StorageManifest, location: str = "azure", holder: str = "ingest-1") -> Claim:
    claim = registry.acquire(manifest.id, location, holder=holder, lease=MINUTE)
    assert isinstance(claim, Claim)
    return claim


def register(
    registry: Registry, manifest: StorageManifest, claim: Claim, *, receipt: str = "receipts/1.json"
) -> Registered | AlreadyRegistered | BagReplaced | BagGone:
    return registry.register_replica(
        planned_from=manifest,
        location=claim.location,
        manifest_location=manifest_location(manifest.id.bag, claim.location),
        receipt=receipt,
        seal=sealing(receipt),
        claim=claim,
    )


def sealing(receipt: str) -> MakeSeal:
    """Seals that say their place and what they follow."""

    def make(position: ChainPosition) -> bytes:
        previous = None if position.previous is None else hashlib.sha256(position.previous).hexdigest()
        said = {"location": position.location, "sequence": position.sequence, "sealed": position.sealed.isoformat()}
        return json.dumps({**said, "receipt": receipt, "previous": previous}, ensure_ascii=False).encode() + b"\n"

    return make


def stored(registry: Registry, manifest: StorageManifest) -> StorageManifest:
    found = registry.manifest(manifest.id)
    assert found is not None
    return found.manifest


class RegistryContract:
    # Threads that write to one manifest at once.
    writers: ClassVar[int] = 8

    @pytest.fixture
    def clock(self) -> TurnableClock:
        return TurnableClock()

    @pytest.fixture
    def registry(self, clock: TurnableClock) -> Registry:
        raise NotImplementedError

    # --- learning bag versions

    def test_an_unknown_bag_version_has_nothing(self, registry: Registry) -> None:
        assert registry.manifest(bag_version()) is None
        assert list(registry.versions(bag_version().bag)) == []
        assert list(registry.replicas(bag_version())) == []
        assert list(registry.bag_versions()) == []
        assert list(registry.missing("azure")) == []
        assert list(registry.coverage(["azure"])) == []

    def test_an_added_manifest_comes_back_byte_for_byte(self, registry: Registry) -> None:
        document = manifest_document(bag_version(), replica_buckets=["glacier"]) | {"unknown": [1.50, {"é": None}]}
        manifest = manifest_of(document, indent=1, ensure_ascii=False)
        assert registry.add_bag_version(manifest, locations=["primary", "glacier", "primary"]) == Added()
        assert stored(registry, manifest).raw == manifest.raw
        assert registry.replicas(manifest.id) == tuple(
            ReplicaRecord(manifest.id, name, START, None, None) for name in ("primary", "glacier")
        )

    def test_adding_twice_changes_nothing(self, registry: Registry) -> None:
        first = sample_manifest()
        again = sample_manifest(replica_buckets=["new"], created_date="2026-01-01T00:00:00Z", ingest_id="another")
        registry.add_bag_version(first, locations=["primary"])
        before = registry.manifest(first.id)
        assert registry.add_bag_version(again, locations=["primary", "new"]) == AlreadyKnown()
        assert registry.manifest(first.id) == before
        assert [replica.location for replica in registry.replicas(first.id)] == ["primary"]

    @pytest.mark.parametrize(
        ("path", "value", "named"),
        [
            (("manifest", "files", 0, "checksum"), "f" * 64, "manifest.files[data/a.txt].checksum"),
            (("manifest", "files", 0, "size"), 16, "manifest.files[data/a.txt].size: stored 15, given 16"),
            (("location", "prefix", "bucket"), "elsewhere", "location.prefix.bucket"),
            (("note",), True, "note: stored nothing, given true"),
        ],
    )
    def test_other_content_is_a_conflict_that_is_named(
        self, registry: Registry, path: tuple[Any, ...], value: object, named: str
    ) -> None:
        document = manifest_document(bag_version())
        registry.add_bag_version(manifest_of(document), locations=["primary"])
        before = registry.manifest(bag_version())
        other: Any = deepcopy(document)
        inner = other
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        outcome = registry.add_bag_version(manifest_of(other), locations=["azure"])
        assert isinstance(outcome, ConflictingManifest)
        assert len(outcome.differences) == 1
        assert named in outcome.differences[0]
        assert registry.manifest(bag_version()) == before
        assert [replica.location for replica in registry.replicas(bag_version())] == ["primary"]

    def test_versions_of_a_bag_ascend_by_number(self, registry: Registry) -> None:
        for number in (10, 2, 1):
            registry.add_bag_version(sample_manifest(bag_version(version=number)), locations=[])
        registry.add_bag_version(sample_manifest(bag_version("B1", 7)), locations=[])
        assert [version.number for version in registry.versions(bag_version().bag)] == [1, 2, 10]

    def test_awkward_identifiers_are_different_bags(self, registry: Registry) -> None:
        manifests = [sample_manifest(bag_version(identifier, space="Sp ace")) for identifier in AWKWARD]
        for manifest in manifests:
            assert registry.add_bag_version(manifest, locations=["primary"]) == Added()
        for manifest in manifests:
            assert stored(registry, manifest).raw == manifest.raw
            assert isinstance(register(registry, manifest, held(registry, manifest)), Registered)
        assert sorted(registry.bag_versions()) == sorted(manifest.id for manifest in manifests)
        assert list(registry.missing("azure")) == []

    # --- looking at the collection

    def test_bag_versions_ascend_by_code_point(self, registry: Registry) -> None:
        # U+FF5E comes after U+1F600 in UTF-16, and "a" after "B" by code point though not in a dictionary.
        ids = [
            bag_version(identifier, version, space=space)
            for space in ("digitised", "Digitised", "born-digital")
            for identifier in ("b", "a", "B", "a b", "a/b", "a-b", "é", "～", "😀")
            for version in (10, 9)
        ]
        for each in ids:
            registry.add_bag_version(sample_manifest(each), locations=[])
        assert list(registry.bag_versions()) == sorted(ids)
        assert list(registry.bag_versions(space="digitised")) == sorted(ids[:18])
        assert list(registry.bag_versions(space="DIGITISED")) == []
        by_version = sorted(ids, key=lambda each: (each.version, each.bag))
        assert list(registry.missing("azure")) == by_version
        assert list(registry.missing("azure", limit=7)) == by_version[:7]

    def test_missing_leaves_out_what_is_registered_there(self, registry: Registry) -> None:
        here, elsewhere = sample_manifest(bag_version("here")), sample_manifest(bag_version("elsewhere"))
        registry.add_bag_version(here, locations=["primary", "azure"])
        registry.add_bag_version(elsewhere, locations=["primary", "Azure"])
        assert list(registry.missing("azure")) == [elsewhere.id]
        assert list(registry.missing("primary")) == []
        register(registry, elsewhere, held(registry, elsewhere))
        assert list(registry.missing("azure")) == []

    def test_missing_by_space(self, registry: Registry) -> None:
        ids = [bag_version(space=space) for space in ("a", "b", "c")]
        for each in ids:
            registry.add_bag_version(sample_manifest(each), locations=[])
        assert list(registry.missing("azure", spaces=["c", "a"])) == [ids[0], ids[2]]
        assert list(registry.missing("azure", spaces=[])) == []
        assert list(registry.missing("azure", spaces=["a", "b"], limit=1)) == [ids[0]]
        assert list(registry.missing("azure", limit=0)) == []

    def test_missing_bags_stand_where_their_oldest_missing_version_stands(
        self, registry: Registry, clock: TurnableClock
    ) -> None:
        for name, number, locations in (
            ("b", 1, ["azure"]),
            ("b", 2, []),
            ("b", 3, ["azure"]),
            ("b", 4, ["primary"]),
            ("c", 1, []),
            ("c", 2, []),
            ("a", 3, []),
            ("d", 1, ["azure"]),
        ):
            registry.add_bag_version(sample_manifest(bag_version(name, number)), locations=locations)
        found = list(registry.missing_bags("azure"))
        assert [(str(each.bag), [str(v.version) for v in each.versions]) for each in found] == [
            ("digitised/c", ["v1", "v2"]),
            ("digitised/b", ["v2", "v4"]),
            ("digitised/a", ["v3"]),
        ]
        assert all(version.added == clock.now for each in found for version in each.versions)

    def test_missing_bags_say_how_much_is_missing(self, registry: Registry) -> None:
        first = sample_manifest(bag_version("b1", 1), files={"v1/data/a": 2**40, "v1/data/b": 1})
        second = sample_manifest(bag_version("b1", 2), files={"v1/data/a": 2**40, "v2/data/c": 7})
        for each in (first, second):
            registry.add_bag_version(each, locations=["primary"])
        [found] = registry.missing_bags("azure")
        # bagit.txt has 55 bytes, and the fetched file is counted with v1 alone.
        assert [(version.files, version.bytes) for version in found.versions] == [(3, 2**40 + 56), (2, 62)]
        assert (found.files, found.bytes) == (5, 2**40 + 118)
        register(registry, first, held(registry, first))
        [found] = registry.missing_bags("azure")
        assert [str(version.version) for version in found.versions] == ["v2"]

    def test_missing_bags_by_space(self, registry: Registry) -> None:
        for space in ("a", "b", "c"):
            registry.add_bag_version(sample_manifest(bag_version(space=space)), locations=[])
        assert [str(each.bag.space) for each in registry.missing_bags("azure", spaces=["c", "a"])] == ["a", "c"]
        assert list(registry.missing_bags("azure", spaces=[])) == []
        assert list(registry.missing_bags("azure", spaces=["none"])) == []

    def test_missing_bags_of_any_identifier(self, registry: Registry) -> None:
        ids = [bag_version(identifier) for identifier in AWKWARD]
        for each in ids:
            registry.add_bag_version(sample_manifest(each), locations=[])
        assert {each.bag for each in registry.missing_bags("azure")} == {each.bag for each in ids}

    def test_what_is_missing_is_found_from_where_a_page_ended(self, registry: Registry) -> None:
        for number in (2, 1, 3):
            for name in ("b2", "b1"):
                registry.add_bag_version(sample_manifest(bag_version(name, number)), locations=[])
        whole = list(registry.missing("azure"))
        for place, last in enumerate(whole):
            assert list(registry.missing("azure", after=last)) == whole[place + 1 :]
            assert list(registry.missing("azure", after=last, limit=2)) == whole[place + 1 : place + 3]
        assert list(registry.missing("azure", after=bag_version("b1a", 2))) == whole[3:]

    def test_coverage_counts_concrete_files_once(self, registry: Registry) -> None:
        # v2 fetches a file of v1: those bytes are counted with v1 alone. bagit.txt has 55 bytes.
        first = sample_manifest(bag_version("b1", 1), files={"v1/data/a": 2**40, "v1/data/b": 1})
        second = sample_manifest(bag_version("b1", 2), files={"v1/data/a": 2**40, "v2/data/c": 7})
        other = sample_manifest(bag_version("b1", 1, space="born-digital"))
        registry.add_bag_version(first, locations=["primary", "azure"])
        registry.add_bag_version(second, locations=["primary"])
        registry.add_bag_version(other, locations=[])
        assert registry.coverage(["azure", "primary", "azure"]) == (
            CoverageRow("born-digital", "azure", 1, 2, 70, 0, 0, 0),
            CoverageRow("born-digital", "primary", 1, 2, 70, 0, 0, 0),
            CoverageRow("digitised", "azure", 2, 5, 2**40 + 118, 1, 3, 2**40 + 56),
            CoverageRow("digitised", "primary", 2, 5, 2**40 + 118, 2, 5, 2**40 + 118),
        )

    def test_coverage_is_remembered_by_the_day(self, registry: Registry) -> None:
        first, second = date(2026, 1, 1), date(2026, 1, 2)
        registry.add_bag_version(sample_manifest(bag_version("b1", 1)), locations=["primary"])
        registry.note_coverage(first)
        registry.add_bag_version(sample_manifest(bag_version("b2", 1)), locations=["primary", "azure"])
        for _ in range(2):
            registry.note_coverage(second)
        assert [(each.day, each.row) for each in registry.coverage_days(first)] == [
            (first, CoverageRow("digitised", "primary", 1, 2, 70, 1, 2, 70)),
            (second, CoverageRow("digitised", "azure", 2, 4, 140, 1, 2, 70)),
            (second, CoverageRow("digitised", "primary", 2, 4, 140, 2, 4, 140)),
        ]
        assert [each.day for each in registry.coverage_days(second)] == [second, second]

    def test_sizes_are_told_with_the_locations_in_order_of_registration(self, registry: Registry) -> None:
        for number in (10, 2, 1):
            files = {f"v{number}/data/a": number}
            manifest = sample_manifest(bag_version("b1", number), files=files)
            registry.add_bag_version(manifest, locations=["primary", "azure"] if number == 2 else ["primary"])
        registry.add_bag_version(sample_manifest(bag_version("b0", 1)), locations=["shelf", "azure"])
        registry.add_bag_version(sample_manifest(bag_version("b1", 1, space="born-digital")), locations=[])
        found = [(str(each.bag_version), each.files, each.bytes, each.locations) for each in registry.sizes()]
        assert found == [
            ("born-digital/b1/v1", 2, 70, ()),
            ("digitised/b0/v1", 2, 70, ("shelf", "azure")),
            ("digitised/b1/v1", 2, 56, ("primary",)),
            ("digitised/b1/v2", 2, 57, ("primary", "azure")),
            ("digitised/b1/v10", 2, 65, ("primary",)),
        ]
        assert [str(each.bag_version) for each in registry.sizes(spaces=["born-digital"])] == ["born-digital/b1/v1"]
        of_bag = registry.sizes(bag=bag_version("b1", 1).bag)
        assert [each.bag_version.version.number for each in of_bag] == [1, 2, 10]

    # --- registering replicas

    def test_registering_appends_the_location_and_records_the_replica(
        self, registry: Registry, clock: TurnableClock
    ) -> None:
        manifest = manifest_of(manifest_document(bag_version(), replica_buckets=["glacier"]) | {"x": 1}, indent=2)
        registry.add_bag_version(manifest, locations=["primary"])
        before = registry.manifest(manifest.id)
        clock.turn(MINUTE / 2)
        outcome = register(registry, manifest, held(registry, manifest))
        after = registry.manifest(manifest.id)
        assert before is not None
        assert after is not None
        assert outcome == Registered(after.pointer)
        assert after.pointer != before.pointer
        assert after.manifest.raw == with_replica_location(manifest, manifest_location(manifest.id.bag, "azure")).raw
        assert registry.replicas(manifest.id)[1] == ReplicaRecord(
            manifest.id, "azure", START + MINUTE / 2, "ingest-1", "receipts/1.json"
        )

    def test_registering_again_changes_nothing(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        claim = held(registry, manifest)
        register(registry, manifest, claim)
        before = registry.manifest(manifest.id), registry.replicas(manifest.id)
        assert register(registry, manifest, claim, receipt="receipts/2.json") == AlreadyRegistered()
        assert (registry.manifest(manifest.id), registry.replicas(manifest.id)) == before

    def test_a_location_added_meanwhile_is_kept(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        for location in ("azure", "glacier"):
            assert isinstance(register(registry, manifest, held(registry, manifest, location)), Registered)
        assert [each.bucket for each in stored(registry, manifest).replica_locations] == ["azure", "glacier"]

    def test_a_listed_location_without_a_replica_gets_it(self, registry: Registry) -> None:
        manifest = sample_manifest(replica_buckets=["azure"])
        registry.add_bag_version(manifest, locations=[])
        assert register(registry, manifest, held(registry, manifest)) == AlreadyRegistered()
        assert stored(registry, manifest).raw == manifest.raw
        assert [replica.receipt for replica in registry.replicas(manifest.id)] == ["receipts/1.json"]

    def test_an_imported_replica_that_no_manifest_lists_gets_its_evidence(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=["azure"])
        assert isinstance(register(registry, manifest, held(registry, manifest)), Registered)
        assert registry.replicas(manifest.id) == (
            ReplicaRecord(manifest.id, "azure", START, "ingest-1", "receipts/1.json"),
        )

    def test_an_imported_replica_that_is_listed_and_proved_gets_its_evidence(self, registry: Registry) -> None:
        manifest = sample_manifest(replica_buckets=["azure"])
        registry.add_bag_version(manifest, locations=["azure"])
        assert register(registry, manifest, held(registry, manifest)) == AlreadyRegistered()
        assert registry.replicas(manifest.id) == (
            ReplicaRecord(manifest.id, "azure", START, "ingest-1", "receipts/1.json"),
        )

    def test_a_replaced_bag_is_not_registered(self, registry: Registry) -> None:
        document = manifest_document(bag_version())
        manifest = manifest_of(document)
        registry.add_bag_version(manifest, locations=[])
        document["createdDate"] = "2026-02-03T00:00:00Z"
        outcome = register(registry, manifest_of(document), held(registry, manifest))
        assert isinstance(outcome, BagReplaced)
        assert "createdDate" in outcome.differences[0]
        assert stored(registry, manifest).raw == manifest.raw
        assert list(registry.replicas(manifest.id)) == []

    def test_a_bag_that_is_gone_is_not_registered(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        assert register(registry, manifest, held(registry, manifest)) == BagGone()
        assert registry.manifest(manifest.id) is None
        assert list(registry.replicas(manifest.id)) == []

    @pytest.mark.parametrize("how", ["taken over", "released", "never held", "another holder"])
    def test_a_stale_claim_cannot_register(self, registry: Registry, clock: TurnableClock, how: str) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        claim = held(registry, manifest)
        if how == "taken over":
            clock.turn(2 * MINUTE)
            held(registry, manifest, holder="ingest-2")
        elif how == "released":
            registry.release(claim)
        else:
            claim = replace(claim, token=9) if how == "never held" else replace(claim, holder="ingest-2")
        with pytest.raises(ClaimLostError):
            register(registry, manifest, claim)
        assert stored(registry, manifest).raw == manifest.raw
        assert list(registry.replicas(manifest.id)) == []

    def test_an_expired_claim_that_nobody_took_still_registers(self, registry: Registry, clock: TurnableClock) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        claim = held(registry, manifest)
        clock.turn(2 * MINUTE)
        assert isinstance(register(registry, manifest, claim), Registered)

    def test_a_claim_for_something_else_is_wrong_use(self, registry: Registry) -> None:
        manifest, other = fresh_manifest(), fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        with pytest.raises(ValueError, match="not for"):
            register(registry, manifest, held(registry, other))
        assert stored(registry, manifest).raw == manifest.raw

    # --- claims

    def test_one_holder_at_a_time(self, registry: Registry, clock: TurnableClock) -> None:
        first = registry.acquire(bag_version(), "azure", holder="one", lease=MINUTE)
        assert first == Claim(bag_version(), "azure", "one", 1, START + MINUTE)
        assert registry.acquire(bag_version(), "azure", holder="two", lease=MINUTE) == HeldByAnother(
            "one", START + MINUTE
        )
        assert registry.claim_of(bag_version(), "azure") == first
        clock.turn(MINUTE)
        assert registry.acquire(bag_version(), "azure", holder="two", lease=MINUTE) == Claim(
            bag_version(), "azure", "two", 2, START + 2 * MINUTE
        )

    def test_the_holder_gets_its_own_token_again(self, registry: Registry, clock: TurnableClock) -> None:
        registry.acquire(bag_version(), "azure", holder="one", lease=MINUTE)
        for turned in (MINUTE / 2, 2 * MINUTE):
            clock.turn(turned)
            assert registry.acquire(bag_version(), "azure", holder="one", lease=MINUTE) == Claim(
                bag_version(), "azure", "one", 1, clock.now + MINUTE
            )

    def test_claims_of_other_locations_and_versions_are_free(self, registry: Registry) -> None:
        registry.acquire(bag_version(), "azure", holder="one", lease=MINUTE)
        for other, location in (
            (bag_version(), "Azure"),
            (bag_version(version=2), "azure"),
            (bag_version("B1"), "azure"),
        ):
            assert isinstance(registry.acquire(other, location, holder="two", lease=MINUTE), Claim)

    def test_a_released_claim_is_free_and_its_next_token_larger(self, registry: Registry) -> None:
        for token, holder in enumerate(("one", "one", "two"), start=1):
            claim = registry.acquire(bag_version(), "azure", holder=holder, lease=MINUTE)
            assert isinstance(claim, Claim)
            assert claim.token == token
            registry.release(claim)
            registry.release(claim)
            assert registry.claim_of(bag_version(), "azure") is None

    def test_a_stale_holder_can_neither_prolong_nor_release(self, registry: Registry, clock: TurnableClock) -> None:
        stale = held(registry, sample_manifest(), holder="one")
        clock.turn(MINUTE)
        current = held(registry, sample_manifest(), holder="two")
        registry.release(stale)
        with pytest.raises(ClaimLostError):
            registry.heartbeat(stale, lease=MINUTE)
        assert registry.claim_of(bag_version(), "azure") == current

    def test_a_heartbeat_prolongs_even_after_expiry(self, registry: Registry, clock: TurnableClock) -> None:
        claim = held(registry, sample_manifest())
        clock.turn(2 * MINUTE)
        prolonged = registry.heartbeat(claim, lease=MINUTE)
        assert prolonged == replace(claim, expires=START + 3 * MINUTE)
        assert registry.claim_of(bag_version(), "azure") == prolonged
        assert registry.heartbeat(claim, lease=2 * MINUTE).expires == START + 4 * MINUTE

    def test_a_heartbeat_of_a_released_claim_is_refused(self, registry: Registry) -> None:
        claim = held(registry, sample_manifest())
        registry.release(claim)
        with pytest.raises(ClaimLostError):
            registry.heartbeat(claim, lease=MINUTE)

    @pytest.mark.parametrize("lease", [timedelta(0), -MINUTE])
    def test_a_lease_has_a_length(self, registry: Registry, lease: timedelta) -> None:
        with pytest.raises(ValueError, match="lease"):
            registry.acquire(bag_version(), "azure", holder="one", lease=lease)
        assert registry.claim_of(bag_version(), "azure") is None

    # --- several at once

    def test_locations_added_at_once_all_survive(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        together = Barrier(self.writers)

        def add(number: int) -> object:
            claim = held(registry, manifest, f"location-{number}", f"ingest-{number}")
            together.wait(timeout=120)
            return register(registry, manifest, claim)

        with ThreadPoolExecutor(self.writers) as pool:
            outcomes = list(pool.map(add, range(self.writers)))
        assert {type(outcome) for outcome in outcomes} == {Registered}
        expected = {f"location-{number}" for number in range(self.writers)}
        buckets = [each.bucket for each in stored(registry, manifest).replica_locations]
        assert sorted(buckets) == sorted(expected)
        # Rows and manifest tell the same story, in the same order.
        assert [replica.location for replica in registry.replicas(manifest.id)] == buckets

    def test_receipts_of_one_location_form_one_chain_however_many_are_registered_at_once(
        self, registry: Registry
    ) -> None:
        manifests = [fresh_manifest() for _ in range(self.writers)]
        for manifest in manifests:
            registry.add_bag_version(manifest, locations=[])
        claims = [held(registry, manifest, holder=str(manifest.id)) for manifest in manifests]
        together = Barrier(self.writers)

        def add(number: int) -> object:
            together.wait(timeout=120)
            return register(registry, manifests[number], claims[number], receipt=f"r-{number}")

        with ThreadPoolExecutor(self.writers) as pool:
            outcomes = list(pool.map(add, range(self.writers)))
        assert {type(outcome) for outcome in outcomes} == {Registered}
        chain = list(registry.seals("azure"))
        assert_one_chain(chain)
        assert {json.loads(seal.document)["receipt"] for seal in chain} == {f"r-{n}" for n in range(self.writers)}
        assert [registry.seal_of(seal.bag_version, "azure") for seal in chain] == chain

    def test_every_receipt_is_sealed_once_and_a_replica_keeps_its_own(self, registry: Registry) -> None:
        manifest, other = fresh_manifest(), fresh_manifest()
        registry.add_bag_version(manifest, locations=["primary"])
        registry.add_bag_version(other, locations=["azure"])
        assert registry.seal_of(manifest.id, "primary") is None
        for number in (1, 2, 1, 2):
            # The second proves it again, as a repair does.
            register(registry, manifest, held(registry, manifest), receipt=f"r-{number}")
        # Learnt by import, and proved now.
        register(registry, other, held(registry, other), receipt="r-3")
        elsewhere = held(registry, manifest, "glacier")
        register(registry, manifest, elsewhere, receipt="r-4")
        chain = list(registry.seals("azure"))
        assert [json.loads(seal.document)["receipt"] for seal in chain] == ["r-1", "r-2", "r-3"]
        assert [seal.receipt for seal in chain] == ["r-1", "r-2", "r-3"]
        assert_one_chain(chain)
        assert registry.seal_of(manifest.id, "azure") == chain[0]
        assert registry.seal_of(other.id, "azure") == chain[2]
        assert [registry.seal_of_receipt("azure", f"r-{n}") for n in (1, 2, 3, 4)] == [*chain, None]
        (only,) = registry.seals("glacier")
        assert (only.sequence, json.loads(only.document)["previous"]) == (1, None)

    def test_a_registration_that_is_refused_leaves_no_seal(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        claim = held(registry, manifest)
        assert register(registry, manifest, claim) == BagGone()
        registry.add_bag_version(manifest, locations=[])
        registry.release(claim)
        with pytest.raises(ClaimLostError):
            register(registry, manifest, claim)
        assert list(registry.seals("azure")) == []

    def test_seals_are_unwritten_until_somebody_saw_them(self, registry: Registry, clock: TurnableClock) -> None:
        for number in range(3):
            manifest = fresh_manifest()
            registry.add_bag_version(manifest, locations=[])
            register(registry, manifest, held(registry, manifest), receipt=f"r-{number}")
        first, second, third = registry.seals("azure", unwritten=True)
        registry.seal_written(second)
        clock.turn(MINUTE)
        registry.seal_written(second)
        assert list(registry.seals("azure", unwritten=True)) == [first, third]
        assert [seal.written for seal in registry.seals("azure")] == [None, START, None]

    def test_one_registration_made_at_once_happens_once(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        claim = held(registry, manifest)
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _: register(registry, manifest, claim), range(4)))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyRegistered"] * 3 + ["Registered"]
        assert [each.bucket for each in stored(registry, manifest).replica_locations] == ["azure"]
        assert len(registry.replicas(manifest.id)) == 1

    def test_of_many_who_acquire_at_once_one_wins(self, registry: Registry) -> None:
        together = Barrier(16)

        def acquire(number: int) -> Claim | HeldByAnother:
            together.wait(timeout=120)
            return registry.acquire(bag_version(), "azure", holder=f"ingest-{number}", lease=MINUTE)

        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(acquire, range(16)))
        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, HeldByAnother)]
        assert losers == [HeldByAnother(winner.holder, winner.expires)] * 15
        assert winner.token == 1

    def test_of_many_who_find_a_claim_expired_at_once_one_gets_it(
        self, registry: Registry, clock: TurnableClock
    ) -> None:
        together = Barrier(8)

        def acquire(number: int) -> Claim | HeldByAnother:
            together.wait(timeout=120)
            return registry.acquire(bag_version(), "azure", holder=f"ingest-{number}", lease=MINUTE)

        with ThreadPoolExecutor(8) as pool:
            for _ in range(5):
                # A holder that none of the eight is, so that each of them would have to take over.
                before = registry.acquire(bag_version(), "azure", holder="before", lease=MINUTE)
                clock.turn(MINUTE)
                outcomes = list(pool.map(acquire, range(8)))
                (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
                assert isinstance(before, Claim)
                assert winner.token == before.token + 1
                assert registry.claim_of(bag_version(), "azure") == winner
                clock.turn(MINUTE)

    def test_one_bag_version_added_at_once_is_added_once(self, registry: Registry) -> None:
        manifest = fresh_manifest()
        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(lambda _: registry.add_bag_version(manifest, locations=["primary"]), range(6)))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Added"] + ["AlreadyKnown"] * 5
        assert len(registry.replicas(manifest.id)) == 1

    # --- invariants

    @property_settings
    @given(
        extra=st.dictionaries(
            st.text(min_size=1).filter(lambda key: key not in manifest_document(bag_version())),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.text(),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
                max_leaves=6,
            ),
            max_size=4,
        ),
        shape=st.sampled_from(
            [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False, "sort_keys": True}]
        ),
        listed=st.sampled_from([[], ["glacier"], ["glacier", "deep"]]),
        added=st.permutations(["azure", "glacier", "tape", "azure"]),
    )
    def test_nothing_but_the_locations_ever_changes(
        self, registry: Registry, extra: dict[str, Any], shape: dict[str, Any], listed: list[str], added: list[str]
    ) -> None:
        about = bag_version(f"fresh-{next(_numbers)}")
        # Halves of surrogate pairs cannot be written as UTF-8; strategies of text leave them out.
        manifest = manifest_of(manifest_document(about, replica_buckets=listed) | extra, **shape)
        registry.add_bag_version(manifest, locations=[])
        for location in added:
            before = stored(registry, manifest)
            outcome = register(registry, manifest, held(registry, manifest, location))
            after = stored(registry, manifest)
            appended = [] if location in [each.bucket for each in before.replica_locations] else [location]
            assert isinstance(outcome, Registered if appended else AlreadyRegistered)
            buckets = [each.bucket for each in after.replica_locations]
            assert buckets == [*(each.bucket for each in before.replica_locations), *appended]
            assert _rest(after) == _rest(manifest)

    @property_settings
    @given(
        acts=st.lists(
            st.tuples(
                st.sampled_from(["acquire", "heartbeat", "release", "register", "turn"]),
                st.sampled_from(["one", "two", "three"]),
            ),
            max_size=20,
        )
    )
    def test_tokens_only_grow_and_stale_ones_are_refused(
        self, registry: Registry, clock: TurnableClock, acts: list[tuple[str, str]]
    ) -> None:
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=[])
        last_seen: dict[str, Claim] = {}
        current: Claim | None = None
        token = 0
        for act, holder in acts:
            mine = last_seen.get(holder)
            is_current = mine is not None and current is not None and mine.token == current.token
            match act:
                case "turn":
                    clock.turn(MINUTE / 2)
                case "acquire":
                    outcome = registry.acquire(manifest.id, "azure", holder=holder, lease=MINUTE)
                    if current is not None and current.holder != holder and current.expires > clock.now:
                        assert outcome == HeldByAnother(current.holder, current.expires)
                        continue
                    token += current is None or current.holder != holder
                    current = Claim(manifest.id, "azure", holder, token, clock.now + MINUTE)
                    assert outcome == current
                    last_seen[holder] = current
                case "heartbeat" if mine is not None:
                    if is_current:
                        current = registry.heartbeat(mine, lease=MINUTE)
                        assert current == replace(mine, expires=clock.now + MINUTE)
                    else:
                        with pytest.raises(ClaimLostError):
                            registry.heartbeat(mine, lease=MINUTE)
                case "release" if mine is not None:
                    registry.release(mine)
                    current = None if is_current else current
                case "register" if mine is not None:
                    before = registry.manifest(manifest.id)
                    if is_current:
                        assert isinstance(register(registry, manifest, mine), Registered | AlreadyRegistered)
                    else:
                        with pytest.raises(ClaimLostError):
                            register(registry, manifest, mine)
                        assert registry.manifest(manifest.id) == before
                case _:
                    pass
            assert registry.claim_of(manifest.id, "azure") == current


def assert_one_chain(chain: list[SealRecord]) -> None:
    """Numbers from 1 without a gap, and each names the one before."""
    assert [seal.sequence for seal in chain] == list(range(1, len(chain) + 1))
    assert [seal.sha256 for seal in chain] == [hashlib.sha256(seal.document).hexdigest() for seal in chain]
    said = [json.loads(seal.document) for seal in chain]
    assert [each["sequence"] for each in said] == [seal.sequence for seal in chain]
    assert [each["previous"] for each in said] == [None, *(seal.sha256 for seal in chain)][: len(chain)]


def _rest(manifest: StorageManifest) -> list[tuple[str, Any]]:
    """Everything but the replica locations, in its order and with numbers as they are spelt."""
    document = json.loads(manifest.raw, parse_float=str, parse_int=str)
    return [(key, json.dumps(value)) for key, value in document.items() if key != "replicaLocations"]
