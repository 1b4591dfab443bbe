"""Azure's answers for ``bagfill doctor``.

How it asks without leaving anything: a delete or a change of tier names a blob that never was, and an overwrite carries
the condition that the blob has an ETag which none has. Azure looks at permissions before it looks at the blob.
Source: Azure Storage REST API; "Permissions for calling data operations".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_blocks import block_id
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError
from bagfill.storage.lean_http import Answer, LeanHttp, NoAnswer
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.probe import BucketFacts, Outcome, Seen, one_of

_LIMITS = RequestLimits(attempts=1, connect_seconds=5, read_seconds=20, connections=2)
_VERSION = "2024-08-04"
_LONGEST_LIST = 1024 * 1024
"""Of an answer: about 1 KB for each of 100 blobs, with the longest names 2 KB."""
_TOKEN = "00000000"  # noqa: S105 - of staged blocks, no secret
_BY_CODE = {
    "ContainerNotFound": Outcome.NO_BUCKET,
    "ContainerDisabled": Outcome.NO_BUCKET,
    "BlobNotFound": Outcome.ABSENT,
    "AuthenticationFailed": Outcome.UNAUTHENTICATED,
    "InvalidAuthenticationInfo": Outcome.UNAUTHENTICATED,
    "NoAuthenticationInformation": Outcome.UNAUTHENTICATED,
    "AuthorizationFailure": Outcome.REFUSED,
    "AuthorizationPermissionMismatch": Outcome.REFUSED,
    "AuthorizationResourceTypeMismatch": Outcome.REFUSED,
    "AuthorizationProtocolMismatch": Outcome.REFUSED,
    "AuthorizationSourceIPMismatch": Outcome.REFUSED,
    "InsufficientAccountPermissions": Outcome.REFUSED,
    # Of a signature that may create and not write: the blob is there.
    "UnauthorizedBlobOverwrite": Outcome.REFUSED,
    "ConditionNotMet": Outcome.PRECONDITION,
    "BlobAlreadyExists": Outcome.PRECONDITION,
    "Crc64Mismatch": Outcome.CHECKSUM,
    "Md5Mismatch": Outcome.CHECKSUM,
    "BlobImmutableDueToPolicy": Outcome.IMMUTABLE,
    "BlobImmutableDueToLegalHold": Outcome.IMMUTABLE,
    "BlobArchived": Outcome.ARCHIVED,
    "BlobBeingRehydrated": Outcome.ARCHIVED,
}
_BY_STATUS = {
    401: Outcome.UNAUTHENTICATED,
    403: Outcome.REFUSED,
    405: Outcome.UNSUPPORTED,
    412: Outcome.PRECONDITION,
    501: Outcome.UNSUPPORTED,
}


class AzureProbe:
    """A container, for one identity; see :class:`bagfill.storage.probe.Probe`.

    Args:
        container: its name.
        access: account and identity.
        location: the configured location's name, for errors.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, container: str, access: AzureAccess, *, location: str) -> None:
        self._access = access
        self._lean = AzureLean(container, access, location=location, limits=_LIMITS)
        self._stranger = LeanHttp(access.account_url, access.ca_bundle, _LIMITS)
        self._listing = f"{access.account_url.rstrip('/')}/{container}?restype=container&comp=list&maxresults=1"

    @property
    def endpoint(self) -> str:
        """See :attr:`Probe.endpoint`."""
        return self._access.account_url

    @property
    def region(self) -> str | None:
        """See :attr:`Probe.region`: an account has one address wherever it is."""
        return None

    @property
    def can_forbid_overwrites(self) -> bool:
        """See :attr:`Probe.can_forbid_overwrites`: blocks are staged with the right to write, which overwrites too."""
        return False

    def bucket(self) -> Seen:
        """See :meth:`Probe.bucket`. By a listing: a signature for a container may not ask for its properties."""
        return self.list("")

    def list(self, prefix: str, avoiding: str | None = None) -> Seen:
        """See :meth:`Probe.list`."""
        parameters = {"restype": "container", "comp": "list", "maxresults": "100"}
        if prefix:
            parameters["prefix"] = prefix
        seen, answer = self._send("GET", "", "List Blobs", parameters=parameters)
        if seen.outcome is not Outcome.DONE or answer is None:
            return seen
        try:
            # Of the storage account itself, and bounded in length.
            blobs = ET.fromstring(answer.body).iterfind("Blobs/Blob")  # noqa: S314
        except ET.ParseError:
            return replace(seen, outcome=Outcome.OTHER, code="ParseError")
        found = [(blob.findtext("Name", ""), blob.findtext("Properties/AccessTier") == "Archive") for blob in blobs]
        return replace(seen, data=one_of(found, avoiding))

    def stat(self, key: str) -> Seen:
        """See :meth:`Probe.stat`."""
        return self._send("HEAD", key, "Get Blob Properties")[0]

    def read(self, key: str) -> Seen:
        """See :meth:`Probe.read`."""
        seen = self._send("GET", key, "Get Blob", headers={"x-ms-range": "bytes=0-0"})[0]
        return replace(seen, outcome=Outcome.DONE if seen.status == 416 else seen.outcome)

    def create(self, key: str, data: bytes, *, conditional: bool = True, damaged: bool = False) -> Seen:
        """See :meth:`Probe.create`."""
        crc = Crc64.of(data + b"other" if damaged else data)
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-content-crc64": crc.azure}
        if conditional:
            headers["If-None-Match"] = "*"
        return self._send("PUT", key, "Put Blob", headers=headers, body=data)[0]

    def stage(self, key: str) -> Sequence[Seen]:
        """See :meth:`Probe.stage`. Azure drops the block a week later; no call does."""
        data = b"probe"
        crc = Crc64.of(data)
        name = base64.b64encode(block_id(0, _TOKEN, crc).encode()).decode()
        put = self._send(
            "PUT",
            key,
            "Put Block",
            parameters={"comp": "block", "blockid": name},
            headers={"x-ms-content-crc64": crc.azure},
            body=data,
        )
        if put[0].outcome is not Outcome.DONE:
            return [put[0]]
        parameters = {"comp": "blocklist", "blocklisttype": "uncommitted"}
        return [put[0], self._send("GET", key, "Get Block List", parameters=parameters)[0]]

    def overwrite(self, key: str) -> Seen:
        """See :meth:`Probe.overwrite`. Under the condition that the blob has an ETag that none has."""
        headers = {"x-ms-blob-type": "BlockBlob", "If-Match": '"0x0"'}
        return self._send("PUT", key, "Put Blob over a blob", headers=headers, body=b"probe")[0]

    def delete(self, key: str, *, may_mark: bool) -> Sequence[Seen]:  # noqa: ARG002 - Azure has no delete markers
        """See :meth:`Probe.delete`."""
        return [self._send("DELETE", key, "Delete Blob")[0]]

    def thaw(self, key: str) -> Seen:
        """See :meth:`Probe.thaw`."""
        return self._send(
            "PUT", key, "Set Blob Tier", parameters={"comp": "tier"}, headers={"x-ms-access-tier": "Hot"}
        )[0]

    def anonymous(self) -> Seen:
        """See :meth:`Probe.anonymous`."""
        try:
            answer = self._stranger.send("GET", self._listing, {"x-ms-version": _VERSION})
        except NoAnswer as nothing:
            return Seen("List Blobs without identity", Outcome.NO_ANSWER, code=nothing.detail)
        return _seen("List Blobs without identity", answer)

    def facts(self, key: str | None) -> BucketFacts:
        """See :meth:`Probe.facts`. Rules of a lifecycle are told by Azure's management API alone."""
        blob = self._send("HEAD", key, "Get Blob Properties")[0] if key else None
        # Blobs have version ids only where versions are kept.
        known = blob is not None and blob.outcome is Outcome.DONE
        versioned = "x-ms-version-id" in blob.headers if blob is not None and known else None
        unknown = {"lifecycle": Seen("Get Management Policy", Outcome.UNSUPPORTED)}
        if blob is not None and not known:
            unknown["versioned"] = blob
        seen = self._send("HEAD", "", "Get Container Properties", parameters={"restype": "container"})[0]
        if seen.outcome is not Outcome.DONE:
            refused = dict.fromkeys(("locked", "legal_hold", "public"), seen)
            return BucketFacts(versioned=versioned, unknown=unknown | refused)
        of_blob = blob.headers if blob is not None else {}
        until = of_blob.get("x-ms-immutability-policy-until-date", "")
        policy = seen.headers.get("x-ms-has-immutability-policy") == "true"
        return BucketFacts(
            versioned=versioned,
            locked=f"an immutability policy{f' until {until}' if until else ''}" if policy or until else "",
            legal_hold="true" in {seen.headers.get("x-ms-has-legal-hold"), of_blob.get("x-ms-legal-hold")},
            public="x-ms-blob-public-access" in seen.headers,
            unknown=unknown,
        )

    def close(self) -> None:
        """Close the connections."""
        self._lean.close()
        self._stranger.close()

    def _send(
        self,
        method: str,
        key: str,
        call: str,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Seen, Answer | None]:
        try:
            answer = self._lean.send(
                method, key, operation=call, parameters=parameters, headers=headers, body=body, longest=_LONGEST_LIST
            )
        except StoreError as error:
            return Seen(call, Outcome.NO_ANSWER, code=error.detail), None
        return _seen(call, answer), answer


def _seen(call: str, answer: Answer) -> Seen:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    code = headers.get("x-ms-error-code", "")
    if answer.status < 300:
        outcome = Outcome.DONE
    else:
        outcome = _BY_CODE.get(code) or _BY_STATUS.get(answer.status, Outcome.OTHER)
    return Seen(call, outcome, answer.status, code, headers)
