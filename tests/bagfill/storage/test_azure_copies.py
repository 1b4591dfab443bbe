"""Thawing at Azure by copying to a readable tier: what Azurite answers, and what it cannot, by a double and a stub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.demo.azurite import Azurite
from bagfill.storage.azure import AzureStore
from bagfill.storage.azure_copies import ThawedByCopy, copy_name
from bagfill.storage.azure_copy_maker import CopyMaker
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider, ThawDefaults
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.providers import open_store
from bagfill.storage.store import ArchiveState, Capability, ThawAnswer, ThawTier
from contracts.store_contract import read
from contracts.stub_provider import Scripted, refusing, scripted
from world import Clock

KEY = "space/b1/v1/data/a +%2F é.txt"
WAIT = timedelta(hours=15)


class Maker:
    """Azure's part: a copy that is archived until it is rehydrated."""

    container = "thawed"

    def __init__(self, originals: MemoryBucket, copies: MemoryBucket) -> None:
        self._originals, self._copies = originals, copies
        self.made: list[tuple[str, ThawTier]] = []

    def make(self, key: str, etag: str, name: str, tier: ThawTier) -> bool:
        info, data = self._originals.snapshot(key) or pytest.fail("no such blob")
        assert info.etag == etag
        if self._copies.put_if_absent(name, data) is None:
            return False
        self.made.append((name, tier))
        self._copies.archive(name)
        self._copies.request_thaw(name, tier, 1000)
        return True

    def close(self) -> None:
        """Nothing is open."""


class Place:
    """Both containers in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        delays = {ThawTier.STANDARD: WAIT, ThawTier.BULK: WAIT, ThawTier.EXPEDITED: timedelta(hours=1)}
        self.originals = MemoryBucket(clock=self.clock, thaw_delays=delays)
        self.copies = MemoryBucket(clock=self.clock, thaw_delays=delays)
        self.maker: Any = Maker(self.originals, self.copies)
        kept = frozenset({Capability.THAW, Capability.SIGNED_URLS, Capability.ARCHIVE_STATE_IN_LISTING})
        self.store = ThawedByCopy(
            MemoryStore(self.originals, location="cold", capabilities=kept), MemoryStore(self.copies), self.maker
        )
        self.originals.put_unconditionally(KEY, b"frozen")
        self.originals.archive(KEY)

    def states(self) -> list[ArchiveState]:
        """By a listing; a single look has to say the same."""
        listed = list(self.store.list("space/b1/v1/"))
        assert listed == [self.store.stat(info.key) for info in listed]
        return [info.archive for info in listed]


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_archived_blob_is_thawed_once_and_read_from_its_copy_while_it_stays_archived(place: Place) -> None:
    assert place.states() == [ArchiveState.ARCHIVED]
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.REQUESTED
    assert place.states() == [ArchiveState.THAWING]
    with pytest.raises(StoreError) as raised:
        read(place.store, KEY)
    assert raised.value.failure is StoreFailure.ARCHIVED
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.ALREADY_IN_PROGRESS

    place.clock.advance(WAIT)
    info = place.store.stat(KEY)
    assert info is not None
    assert info.archive is ArchiveState.THAWED
    assert info.read_from == f"thawed/{KEY}.{info.etag}"
    assert read(place.store, KEY, etag=info.etag) == b"frozen"
    assert read(place.store, KEY, start=1, length=3) == b"roz"
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.NOT_ARCHIVED
    assert len(place.maker.made) == 1
    assert place.originals.stat(KEY) == replace(info, archive=ArchiveState.ARCHIVED, read_from=None)
    assert place.originals.thaw_requests == []


def test_a_reader_that_never_looked_finds_the_copy(place: Place) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    assert read(place.store, KEY) == b"frozen"


def test_a_blob_that_was_replaced_is_not_read_from_the_copy_of_the_old_one(place: Place) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    old = place.store.stat(KEY)
    assert old is not None
    place.originals.put_unconditionally(KEY, b"another")
    place.originals.archive(KEY)
    assert place.states() == [ArchiveState.ARCHIVED]
    with pytest.raises(StoreError) as raised:
        read(place.store, KEY, etag=old.etag)
    assert raised.value.failure in {StoreFailure.CHANGED, StoreFailure.ARCHIVED}
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.REQUESTED
    assert len(place.maker.made) == 2


def test_a_copy_that_went_away_makes_the_blob_archived_not_missing_and_is_made_again(place: Place) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    info = place.store.stat(KEY)
    assert info is not None
    place.copies.remove(copy_name(info))
    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            read(place.store, KEY)
        assert raised.value.failure is StoreFailure.ARCHIVED
    assert place.states() == [ArchiveState.ARCHIVED]
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.REQUESTED


@pytest.mark.parametrize("was_looked_at", [True, False])
def test_a_copy_that_is_replaced_between_two_ranges_is_an_error_and_no_mixture(
    place: Place, was_looked_at: bool
) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    info = place.originals.stat(KEY)
    assert info is not None
    if was_looked_at:
        place.store.stat(KEY)
    assert read(place.store, KEY, start=0, length=3, etag=info.etag) == b"fro"
    place.copies.put_unconditionally(copy_name(info), b"FROZEN")
    for _ in range(2):
        with pytest.raises(StoreError, match=f"its copy thawed/{re.escape(copy_name(info))} is another one") as raised:
            read(place.store, KEY, start=3, length=3, etag=info.etag)
        assert (raised.value.failure, raised.value.key) == (StoreFailure.CHANGED, KEY)
    # Who begins anew looks again, and reads one copy as a whole; its digests decide.
    place.store.stat(KEY)
    assert read(place.store, KEY, etag=info.etag) == b"FROZEN"


def test_the_copies_that_were_found_last_are_remembered_and_held_to(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.storage.azure_copies._MOST_FOUND", 1)
    other = f"{KEY}2"
    place.originals.put_unconditionally(other, b"other")
    place.originals.archive(other)
    for key in (KEY, other):
        place.store.request_thaw(key, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    for key, data in ((KEY, b"frozen"), (other, b"other")):
        info = place.store.stat(key)
        assert info is not None
        assert read(place.store, key) == data
        place.copies.put_unconditionally(copy_name(info), data.upper())
        with pytest.raises(StoreError):
            read(place.store, key)


def test_a_copy_that_is_under_way_is_moved_to_a_faster_tier(place: Place) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.store.request_thaw(KEY, tier=ThawTier.EXPEDITED, days=5)
    place.clock.advance(timedelta(hours=1))
    assert place.states() == [ArchiveState.THAWED]
    assert len(place.maker.made) == 1


def test_a_copy_that_a_rule_archived_is_rehydrated_in_place(place: Place) -> None:
    place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    place.clock.advance(WAIT)
    (copy,) = place.copies.keys("")
    place.copies.archive(copy)
    assert place.states() == [ArchiveState.ARCHIVED]
    assert place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5) is ThawAnswer.REQUESTED
    assert place.states() == [ArchiveState.THAWING]
    assert len(place.maker.made) == 1


def test_what_lies_under_the_copy_s_name_and_is_none_is_neither_read_nor_overwritten(place: Place) -> None:
    info = place.originals.stat(KEY)
    assert info is not None
    place.copies.put_unconditionally(copy_name(info), b"?")
    assert place.states() == [ArchiveState.ARCHIVED]
    with pytest.raises(StoreError, match="no copy of it: 1 bytes, not 6") as raised:
        place.store.request_thaw(KEY, tier=ThawTier.STANDARD, days=5)
    assert raised.value.failure is StoreFailure.CONFLICT
    assert place.copies.contents() == {copy_name(info): b"?"}


def test_readable_blobs_are_read_as_ever_and_no_copy_is_looked_for(place: Place) -> None:
    place.originals.put_unconditionally("space/b2/v1/warm", b"warm")
    place.copies = None  # type: ignore[assignment] # nobody may ask for it
    assert [info.archive for info in place.store.list("space/b2/v1/")] == [ArchiveState.READABLE]
    assert read(place.store, "space/b2/v1/warm") == b"warm"
    assert place.store.request_thaw("space/b2/v1/warm", tier=ThawTier.STANDARD, days=5) is ThawAnswer.NOT_ARCHIVED
    with pytest.raises(StoreError) as raised:
        place.store.request_thaw("space/b2/v1/no", tier=ThawTier.STANDARD, days=5)
    assert raised.value.failure is StoreFailure.MISSING


def test_no_provider_is_sent_to_fetch_from_an_archived_blob(place: Place) -> None:
    assert Capability.SIGNED_URLS not in place.store.capabilities
    assert Capability.THAW in place.store.capabilities


def maker(url: str) -> CopyMaker:
    access = AzureAccess(f"{url}/account", account_key="a2V5")
    return CopyMaker(
        access, "bags", "thawed", AzureLean("thawed", access, location="cold", limits=RequestLimits()), "Cool"
    )


@pytest.mark.parametrize(
    ("status", "code", "made"),
    [
        (202, "", True),
        (409, "BlobAlreadyExists", False),
        (409, "PendingCopyOperation", False),
        (412, "ConditionNotMet", False),
        (412, "TargetConditionNotMet", False),
    ],
)
def test_azure_s_answers_say_whether_a_copy_begins_or_is_there(status: int, code: str, made: bool) -> None:
    with scripted(Scripted(status=status, headers={"x-ms-error-code": code})) as azure:
        assert maker(azure.url).make("a b", "0x8D", "a b.0x8D", ThawTier.STANDARD) is made
    assert azure.targets == ["/account/thawed/a%20b.0x8D"]


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (412, "SourceConditionNotMet", StoreFailure.CHANGED),
        (403, "AuthorizationPermissionMismatch", StoreFailure.DENIED),
        (404, "ContainerNotFound", StoreFailure.MISCONFIGURED),
        (503, "ServerBusy", StoreFailure.THROTTLED),
    ],
)
def test_azure_s_refusals_are_told_apart(status: int, code: str, failure: StoreFailure) -> None:
    with refusing(status, code) as azure, pytest.raises(StoreError) as raised:
        maker(azure.url).make("a", "0x8D", "a.0x8D", ThawTier.STANDARD)
    assert raised.value.failure is failure


_LISTED = """<EnumerationResults><Blobs><Blob><Name>a/b.0x8D</Name><Properties><Content-Length>6</Content-Length>
<Etag>0x9</Etag><AccessTier>{tier}</AccessTier>{rest}</Properties></Blob></Blobs><NextMarker/></EnumerationResults>"""


@pytest.mark.parametrize(
    ("tier", "rehydrate", "copy", "state"),
    [
        ("Archive", "rehydrate-pending-to-hot", "", ArchiveState.THAWING),
        ("Archive", "rehydrate-pending-to-hot", "success", ArchiveState.THAWING),
        ("Hot", "", "pending", ArchiveState.THAWING),
        ("Archive", "", "pending", ArchiveState.THAWING),
        ("Hot", "", "success", ArchiveState.READABLE),
        ("Archive", "", "success", ArchiveState.ARCHIVED),
    ],
)
def test_a_copy_is_readable_when_neither_rehydrate_nor_copy_is_pending(
    tier: str, rehydrate: str, copy: str, state: ArchiveState
) -> None:
    def access_to(url: str) -> AzureStore:
        return AzureStore("thawed", AzureAccess(f"{url}/account", account_key="a2V5"), location="cold")

    headers = {"x-ms-access-tier": tier, "x-ms-archive-status": rehydrate, "x-ms-copy-status": copy}
    with scripted(Scripted(headers={name: value for name, value in headers.items() if value})) as azure:
        info = access_to(azure.url).stat("a/b.0x8D")
    assert info is not None
    assert info.archive is state
    rest = f"<ArchiveStatus>{rehydrate}</ArchiveStatus><CopyStatus>{copy}</CopyStatus>"
    with scripted(Scripted(_LISTED.format(tier=tier, rest=rest))) as azure:
        (listed,) = access_to(azure.url).list("a/")
    assert listed.archive is state
    assert "include=copy" in azure.targets[0]


@pytest.mark.servers
class TestAzurite:
    @pytest.fixture
    def service(self, azurite: Azurite) -> Iterator[Any]:
        """The SDK without our store, and two containers."""
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        for name in ("copied-bags", "copied-thawed"):
            if not service.get_container_client(name).exists():
                service.create_container(name)
        yield service
        service.close()

    def test_a_copy_is_made_in_the_other_container_and_nothing_is_overwritten(
        self, azurite: Azurite, service: Any
    ) -> None:
        environ = {"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}
        location = Location(
            "cold", Provider.AZURE_BLOB_STORAGE, "copied-bags", thaw=ThawDefaults(copies="copied-thawed", into="Cool")
        )
        store = open_store(location, EnvironmentCredentials(environ), writing=False)
        blob = service.get_blob_client("copied-bags", KEY)
        blob.upload_blob(b"frozen", overwrite=True)
        blob.set_standard_blob_tier("Archive")
        info = store.stat(KEY)
        assert info is not None
        assert info.archive is ArchiveState.ARCHIVED

        assert store.request_thaw(KEY, tier=ThawTier.EXPEDITED, days=5) is ThawAnswer.REQUESTED

        copy = service.get_blob_client("copied-thawed", copy_name(info)).get_blob_properties()
        # Azurite copies at once; a copy that is pending is tested on the properties, and by the double above.
        assert (str(copy.blob_tier), copy.size) == ("Cool", 6)
        assert read(store, KEY, etag=info.etag) == b"frozen"
        seen = store.stat(KEY)
        assert seen == replace(info, archive=ArchiveState.THAWED, read_from=f"copied-thawed/{copy_name(info)}")
        assert list(store.list("space/b1/v1/")) == [seen]
        assert store.request_thaw(KEY, tier=ThawTier.EXPEDITED, days=5) is ThawAnswer.NOT_ARCHIVED
        access = AzureAccess(azurite.endpoint, account_key=azurite.account_key)
        lean = AzureLean("copied-thawed", access, location="cold", limits=RequestLimits())
        again = CopyMaker(access, "copied-bags", "copied-thawed", lean, "Cool")
        assert not again.make(KEY, info.etag, copy_name(info), ThawTier.STANDARD)
        assert blob.get_blob_properties().blob_tier == "Archive"

        assert read(store, KEY, start=0, length=3, etag=info.etag) == b"fro"
        service.get_blob_client("copied-thawed", copy_name(info)).upload_blob(b"FROZEN", overwrite=True)
        with pytest.raises(StoreError) as raised:
            read(store, KEY, start=3, length=3, etag=info.etag)
        assert (raised.value.failure, raised.value.key) == (StoreFailure.CHANGED, KEY)
