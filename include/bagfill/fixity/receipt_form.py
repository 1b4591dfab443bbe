"""The form of a receipt and of a seal: ``docs/receipt.schema.json`` is made from it, ``docs/receipt.md`` explains it.

Every member is always there, so that one receipt has one text. Nothing here computes a hash.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from bagfill.checksum.algorithm import Algorithm

RECEIPT_FORMAT = "bagfill-receipt/2"
SEAL_FORMAT = "bagfill-seal/1"

_LARGEST = 2**53 - 1
"""The largest integer that every reader of JSON keeps (RFC 8785, section 3.2.2.3)."""


def _digests(values: dict[str, str]) -> dict[str, str]:
    for name, digits in values.items():
        if name not in _HEX_LENGTHS:
            raise ValueError(f"{name!r} is no checksum algorithm")
        if len(digits) != _HEX_LENGTHS[name] or set(digits) - set("0123456789abcdef"):
            raise ValueError(f"no {name} digest in lower-case hexadecimal digits")
    if not values:
        raise ValueError("at least one digest is needed")
    return values


def _ascending(names: list[str]) -> list[str]:
    if names != sorted(set(names)):
        raise ValueError("not in ascending order, or named twice")
    return names


_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_HEX_LENGTHS = {algorithm.value: algorithm.hex_length for algorithm in Algorithm}
_DIGESTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string", "pattern": f"^[0-9a-f]{{{length}}}$"} for name, length in _HEX_LENGTHS.items()
    },
    "additionalProperties": False,
    "minProperties": 1,
}

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Moment = Annotated[str, StringConstraints(pattern=_MOMENT)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Text = Annotated[str, StringConstraints(min_length=1)]
Crc64Text = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{11}=$")]
Digests = Annotated[dict[str, str], AfterValidator(_digests), WithJsonSchema(_DIGESTS_SCHEMA)]
AlgorithmName = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class Place(_Form):
    """One side of a replication: the configured location, who holds it, and the folder of the bag version."""

    name: Text
    provider: Text
    bucket: Text
    prefix: Text


class ReceiptIngest(_Form):
    """The ingest that made the replica, and the request that it answered."""

    id: Text
    request_id: Text | None


class Software(_Form):
    """What made the receipt: name, version, and the SHA-256 of its settings for this replication."""

    name: Text
    version: Text
    configuration: Sha256


class ManifestRef(_Form):
    """The storage manifest that the replication was planned from, by the SHA-256 of its bytes."""

    sha256: Sha256


class Dependency(_Form):
    """An older version whose files this one fetches, with its receipt; both null if it was learnt by import."""

    bag_version: Text
    receipt: Text | None
    sha256: Sha256 | None


class WaivedRule(_Form):
    """A rule that the bag version may break in one file (empty: as a whole): who decided it, why, when, until when."""

    code: Text
    path: str
    who: str
    why: str
    granted: Moment
    until: Moment | None


class Header(_Form):
    """First line of a receipt: who copied what, from where, to where, when."""

    type: Literal["receipt"]
    format: Literal["bagfill-receipt/2"]
    bag_version: Text
    ingest: ReceiptIngest
    source: Place
    destination: Place
    storage_manifest: ManifestRef
    concluded: Moment
    software: Software
    dependencies: list[Dependency]
    waivers: list[WaivedRule]


class Obtained(_Form):
    """How and when the digests by some algorithms were obtained: each had the value that the line has."""

    how: Literal["manifest", "source-read", "destination-read"]
    at: Moment
    algorithms: Annotated[list[AlgorithmName], Field(min_length=1), AfterValidator(_ascending)]


class CheckedBlocks(_Form):
    """What the destination's provider checked on arrival: a checksum of each block of a staged write.

    The CRC-64/NVME of the whole object is combined from those of the blocks, and written as S3 does: base64,
    big-endian. Null: the blocks that another task sent are not told.
    """

    check: Literal["crc64 of each block", "md5 of each block"]
    block_bytes: Annotated[int, Field(ge=1, le=_LARGEST)]
    crc64: Crc64Text | None


class FetchedByProvider(_Form):
    """The destination's provider fetched the object by itself, whole (block_bytes null) or in blocks.

    Null: a provider did not tell. Where both values are told they were compared: before the object was made or, of one
    that was fetched whole, right after.
    """

    check: Literal["crc64 of fetched bytes"]
    block_bytes: Annotated[int, Field(ge=1, le=_LARGEST)] | None
    crc64: Crc64Text | None
    source_crc64: Crc64Text | None


class NotFetchedByProvider(_Form):
    """The provider should have fetched it and did not: it passed through the worker, and was checked as said here."""

    check: Literal["crc64 of each block", "md5 of each block"] | None
    block_bytes: Annotated[int, Field(ge=1, le=_LARGEST)] | None
    crc64: Crc64Text | None
    not_fetched: Text


class Md5Blocks(_Form):
    """What receipts of earlier releases say: the MD5 of each block."""

    check: Literal["md5 of each block"]
    block_bytes: Annotated[int, Field(ge=1, le=_LARGEST)]


class DestinationObject(_Form):
    """The object at the destination, in its provider's words. Unknown is null."""

    etag: Text
    version_id: Text | None
    request_id: Text | None
    storage_class: str
    outcome: Literal["copied", "already-there", "staged"] | None
    transit: CheckedBlocks | Md5Blocks | FetchedByProvider | NotFetchedByProvider | None


class ObjectFromCopy(DestinationObject):
    """Its source was archived: what was read is a copy that the source's provider had made of exactly this object."""

    read_from: Text


class FileLine(_Form):
    """One file: what was read at the destination, how else it is known, and the object that holds it."""

    type: Literal["file"]
    path: Text
    size: Count
    digests: Digests
    obtained: Annotated[list[Obtained], Field(min_length=1)]
    object: DestinationObject | ObjectFromCopy

    @model_validator(mode="after")
    def _proved(self) -> Self:
        read: set[str] = set()
        for entry in self.obtained:
            if not self.digests.keys() >= set(entry.algorithms):
                raise ValueError("a way to obtain a digest that the line does not have")
            if entry.how == "destination-read":
                read.update(entry.algorithms)
        if read != self.digests.keys():
            raise ValueError("a digest that was not read at the destination")
        return self


class End(_Form):
    """Last line of a receipt: counts, root, and the SHA-256 of every byte before this line."""

    type: Literal["end"]
    files: Count
    bytes: Count
    merkle_root: Sha256
    sha256: Sha256


class Previous(_Form):
    """The seal before this one and the receipt that it sealed, by the SHA-256 of their bytes."""

    seal: Sha256
    receipt: Sha256


class SealedReceipt(_Form):
    """The receipt's name in the receipt store, the SHA-256 of its bytes, and how many they are."""

    name: Text
    sha256: Sha256
    bytes: Count


class Signature(_Form):
    """Ed25519 (RFC 8032): the SHA-256 of the raw public key, and the signature in base64."""

    algorithm: Literal["ed25519"]
    key: Sha256
    value: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class Seal(_Form):
    """One link of a location's chain; the only line of its file."""

    format: Literal["bagfill-seal/1"]
    location: Text
    sequence: Annotated[int, Field(ge=1, le=_LARGEST)]
    previous: Previous | None
    bag_version: Text
    ingest: Text
    receipt: SealedReceipt
    merkle_root: Sha256
    files: Count
    bytes: Count
    sealed: Moment
    sha256: Sha256
    signature: Signature | None

    @model_validator(mode="after")
    def _linked(self) -> Self:
        if (self.sequence == 1) != (self.previous is None):
            raise ValueError("the first seal has no previous one, every other has")
        return self


def json_schema() -> dict[str, Any]:
    """The form as JSON Schema (draft 2020-12): of one line of a receipt, or of a seal.

    Order of lines, hashes and what holds between members are in ``docs/receipt.md``; a schema cannot say them.
    """
    forms = (Header, FileLine, End, Seal)
    _, document = models_json_schema([(form, "validation") for form in forms], by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of a receipt ({RECEIPT_FORMAT}), or a seal ({SEAL_FORMAT})",
        "oneOf": [{"$ref": f"#/$defs/{form.__name__}"} for form in forms],
        **document,
    }
