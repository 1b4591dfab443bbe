"""Amazon S3 and everything that speaks its API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import require_folder, require_name, require_range
from bagfill.storage.lean_http import LeanHttp
from bagfill.storage.names import S3_NAMES, NameRules
from bagfill.storage.obstore_options import RequestLimits, obstore_holds
from bagfill.storage.obstore_reads import UNCLEAR, create_once, open_range
from bagfill.storage.pace import Pace
from bagfill.storage.plain_objects import AskAgain, open_plain
from bagfill.storage.resuming import OpenRange, resumed
from bagfill.storage.s3_lists import BucketElsewhere, S3Lists
from bagfill.storage.s3_objects import S3Dialect
from bagfill.storage.s3_obstore import open_obstore
from bagfill.storage.s3_place import find_place
from bagfill.storage.store import AlreadyExists, Capability, Created, ObjectInfo, StagedWrite, ThawAnswer, ThawTier

if TYPE_CHECKING:
    from bagfill.storage.s3_sdk import S3Sdk


class S3Store:
    """A bucket. Objects and listings go by plain requests, objects behind a proxy through obstore, everything else (and
    what these cannot) through boto3.

    Args:
        bucket: the bucket's name.
        access: endpoint and identity.
        location: the configured location's name.
        limits: bounds of single requests.
        restore_status_in_listing: whether listings tell restores; by default only AWS itself is trusted to.
        name_rules: narrower rules for a server that holds less than S3 does.
        looks: the rate of looking at single objects whose state a listing does not tell; ``None``: as it comes.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """

    def __init__(
        self,
        bucket: str,
        access: S3Access,
        *,
        location: str,
        limits: RequestLimits | None = None,
        restore_status_in_listing: bool | None = None,
        name_rules: NameRules = S3_NAMES,
        looks: Pace | None = None,
    ) -> None:
        self._bucket = bucket
        self._location = location
        self._name_rules = name_rules
        self._looks = looks
        self._access = access
        self._limits = limits or RequestLimits()
        place = find_place(access, location=location, limits=self._limits)
        http = LeanHttp(place.endpoint, access.ca_bundle, self._limits)
        self._objects = open_plain(
            place.endpoint, access.ca_bundle, S3Dialect(bucket, place), location=location, limits=self._limits
        )
        # Only where there are no plain requests: to open it takes as long as to move a hundred small objects.
        self._obstore = (
            open_obstore(place, access, bucket, location=location, limits=self._limits)
            if self._objects is None
            else None
        )
        self._lists: S3Lists | None = S3Lists(bucket, place, location=location, http=http)
        self._loading = Lock()
        self._loaded: S3Sdk | None = None
        tells = access.endpoint_url is None if restore_status_in_listing is None else restore_status_in_listing
        listing = {Capability.ARCHIVE_STATE_IN_LISTING} if tells else set()
        copies = {Capability.SIGNED_URLS, Capability.COPY_WITHIN}
        self._capabilities = frozenset({Capability.THAW} | copies | listing)

    def __repr__(self) -> str:
        return f"S3Store({self._bucket!r}, location={self._location!r})"

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """THAW and copies always (a server without one of them answers UNSUPPORTED); listings as configured."""
        return self._capabilities

    @property
    def name_rules(self) -> NameRules:
        """S3's, unless narrowed."""
        return self._name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for a 404 in a bucket that exists."""
        self._require_name(key, "stat")
        return self._sdk.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`. An object of INTELLIGENT_TIERING costs a HEAD: no listing tells its tier."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list")
        return self._listed(prefix)

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        if self._lists is not None:
            try:
                yield from self._lists.list(prefix, self._look)
            except BucketElsewhere:
                # Said by the first page, so nothing was handed out; boto3 asks where the bucket is.
                self._lists = None
            else:
                return
        yield from self._sdk.list(prefix)

    def _look(self, key: str) -> ObjectInfo | None:
        if self._looks is not None:
            self._looks.wait()
        return self.stat(key)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list folders")
        if self._lists is not None:
            try:
                return self._lists.list_folders(prefix)
            except BucketElsewhere:
                self._lists = None
        return self._sdk.list_folders(prefix)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return resumed(self._open, self, key, start=start, length=length, etag=etag)

    def _open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        if self._objects is not None:
            try:
                return self._objects.open(key, start, length, etag)
            except AskAgain:
                pass
        elif self._obstore is not None and obstore_holds(key):
            try:
                return open_range(self._obstore, key, start, length, etag, partial(self._read_error, key))
            except UNCLEAR:
                pass
        return self._sdk.open(key, start, length, etag)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        self._require_name(key, "read")
        return self._objects is not None and self._objects.read_into(key, into, etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        try:
            if self._objects is not None:
                made = self._objects.create(key, data)
            elif self._obstore is not None and obstore_holds(key):
                made = create_once(self._obstore, key, data)
            else:
                return self._sdk.create(key, data)
        except (AskAgain, *UNCLEAR):
            return self._sdk.create(key, data)
        if made is not None:
            return made
        # Refused as existing, or for any other conflict, so look: only an object that is there exists.
        if self._sdk.stat(key) is not None:
            return AlreadyExists()
        raise self._error(StoreFailure.CONFLICT, key, "create", "refused as existing, yet not there")

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        self._require_name(key, "stage")
        return self._sdk.stage(key, token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        self._require_name(key, "request thaw")
        return self._sdk.request_thaw(key, tier=tier, days=days)

    def close(self) -> None:
        """Close the connections; obstore's go with the object."""
        if self._objects is not None:
            self._objects.close()
        if self._lists is not None:
            self._lists.close()
        if self._loaded is not None:
            self._loaded.close()

    @property
    def _sdk(self) -> S3Sdk:
        with self._loading:
            if self._loaded is None:
                from bagfill.storage.s3_client import open_sdk
                from bagfill.storage.s3_sdk import S3Sdk

                client = open_sdk(self._access, location=self._location, limits=self._limits)
                self._loaded = S3Sdk(client, self._bucket, self)
            return self._loaded

    def _require_name(self, key: str, operation: str) -> None:
        require_name(self._name_rules, key, location=self._location, operation=operation)

    def _read_error(self, key: str, failure: StoreFailure, detail: str) -> StoreError:
        return self._error(failure, key, "read", detail)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)
