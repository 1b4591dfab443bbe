"""Shapes of the answers, for the OpenAPI document; what is sent is built by the core."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProviderDocument(_Document):
    """A provider."""

    id: str
    type: Literal["Provider"]


class LocationDocument(_Document):
    """Where a bag is: bucket or container, and folder."""

    provider: ProviderDocument
    bucket: str
    path: str
    type: Literal["Location"]


class SpaceDocument(_Document):
    """A space."""

    id: str
    type: Literal["Space"]


class StatusDocument(_Document):
    """Status of an ingest."""

    id: Literal["accepted", "processing", "succeeded", "failed"]
    type: Literal["Status"]


class CallbackStatusDocument(_Document):
    """Status of a callback."""

    id: Literal["pending", "succeeded", "failed"]
    type: Literal["Status"]


class CallbackDocument(_Document):
    """Whom to tell, and whether it was."""

    url: str
    status: CallbackStatusDocument
    type: Literal["Callback"]


class IngestTypeDocument(_Document):
    """Always ``replicate``."""

    id: Literal["replicate"]
    type: Literal["IngestType"]


class BagInfoDocument(_Document):
    """Which bag version."""

    external_identifier: str = Field(alias="externalIdentifier")
    version: str
    type: Literal["BagInfo"]


class BagDocument(_Document):
    """Wrapper, as the service has it."""

    info: BagInfoDocument
    type: Literal["Bag"]


class EventDocument(_Document):
    """One thing that happened."""

    description: str = Field(max_length=250)
    created_date: datetime = Field(alias="createdDate")
    type: Literal["IngestEvent"]


class ReasonDocument(_Document):
    """Why an ingest failed: a stable code."""

    id: str
    type: Literal["Reason"]


class SiblingDocument(_Document):
    """Another ingest of the same request."""

    id: UUID
    version: str
    href: str
    type: Literal["Ingest"]


class IngestDocument(_Document):
    """An ingest, as the storage service shows it; ``destination``, ``reason`` and ``request`` are ours."""

    id: UUID
    type: Literal["Ingest"]
    source_location: LocationDocument | None = Field(default=None, alias="sourceLocation")
    callback: CallbackDocument | None = None
    ingest_type: IngestTypeDocument = Field(alias="ingestType")
    space: SpaceDocument
    status: StatusDocument
    bag: BagDocument
    events: list[EventDocument]
    created_date: datetime = Field(alias="createdDate")
    last_modified_date: datetime | None = Field(default=None, alias="lastModifiedDate")
    destination: LocationDocument | None = None
    reason: ReasonDocument | None = None
    request: list[SiblingDocument] | None = Field(
        default=None, description="Every ingest that the request opened, one for each bag version, ascending."
    )


class IngestListDocument(_Document):
    """A page of ingests, newest first; ``next`` is the address of the page behind it."""

    results: list[IngestDocument]
    next: str | None = None
    type: Literal["ResultList"]


class FileDocument(_Document):
    """One file of a bag."""

    checksum: str
    name: str
    path: str
    size: int = Field(ge=0)
    type: Literal["File"]


class BagManifestDocument(_Document):
    """The files of a bag, by name."""

    checksum_algorithm: str = Field(alias="checksumAlgorithm")
    files: list[FileDocument]
    type: Literal["BagManifest"]


class FullBagInfoDocument(_Document):
    """What ``bag-info.txt`` says."""

    external_identifier: str = Field(alias="externalIdentifier")
    payload_oxum: str | None = Field(default=None, alias="payloadOxum")
    bagging_date: str | None = Field(default=None, alias="baggingDate")
    source_organization: str | None = Field(default=None, alias="sourceOrganization")
    external_description: str | None = Field(default=None, alias="externalDescription")
    internal_sender_identifier: str | None = Field(default=None, alias="internalSenderIdentifier")
    internal_sender_description: str | None = Field(default=None, alias="internalSenderDescription")
    type: Literal["BagInfo"]


class StorageManifestDocument(_Document):
    """A storage manifest, as the storage service's bags API shows it."""

    id: str
    space: SpaceDocument
    info: FullBagInfoDocument
    manifest: BagManifestDocument
    tag_manifest: BagManifestDocument = Field(alias="tagManifest")
    location: LocationDocument
    replica_locations: list[LocationDocument] = Field(alias="replicaLocations")
    created_date: str = Field(alias="createdDate")
    version: str
    type: Literal["Bag"]


class VersionDocument(_Document):
    """One version of a bag."""

    id: str
    version: str
    created_date: str = Field(alias="createdDate")
    type: Literal["Bag"]


class VersionListDocument(_Document):
    """The versions of a bag, newest first."""

    results: list[VersionDocument]
    type: Literal["ResultList"]


class CoverageLineDocument(_Document):
    """How much of one space is at one location; sizes in bytes."""

    space: str
    location: str
    wanted: bool
    bag_versions: int
    present_bag_versions: int
    missing_bag_versions: int
    files: int
    present_files: int
    bytes: int
    present_bytes: int


class CoverageDocument(_Document):
    """Coverage of every space at every location."""

    missing_bag_versions: int = Field(description="Bag versions that are not where a policy wants them.")
    coverage: list[CoverageLineDocument]
