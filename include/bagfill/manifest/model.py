"""The storage manifest: the permanent record of one bag version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bagfill.bag.identifiers import BagVersion, BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest
from bagfill.manifest.text import ManifestText


class LocationRole(StrEnum):
    """What a location is to a bag: the one the register reads from, or a further copy."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Provider(StrEnum):
    """Who holds a location; the first two are the storage service's own ids."""

    AMAZON_S3 = "amazon-s3"
    AZURE_BLOB_STORAGE = "azure-blob-storage"
    LOCAL = "local"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a bag version.

    Args:
        name: its path in the bag as BagIt sees it: ``data/a.txt``.
        path: where its bytes are, from the bag's root, with the version's folder: ``v1/data/a.txt``. The tail need
            not be the name: a file may have been renamed in a later version.
        size: in bytes.
        digest: by the manifest's algorithm, in the letter case of the bag.
    """

    name: str
    path: str
    size: int
    digest: Digest

    @property
    def version(self) -> BagVersion:
        """The version whose folder holds the bytes.

        Raises:
            InvalidIdentifier: the path does not start with a version (a manifest that was parsed has none such).
        """
        return BagVersion.parse(self.path.partition("/")[0])

    @property
    def path_in_version(self) -> str:
        """The path inside that folder: ``data/a.txt``."""
        return self.path.partition("/")[2]


@dataclass(frozen=True, slots=True)
class ManifestLocation:
    """Where all versions of a bag are, as a storage manifest says it.

    Args:
        role: primary or secondary.
        provider: who holds it.
        bucket: the bucket, container, or folder.
        prefix: ``{location prefix}{space}/{external identifier}``: no version, and no slash at the end
            unless the identifier itself ends with one.
    """

    role: LocationRole
    provider: Provider
    bucket: str
    prefix: str

    def is_same_place(self, other: ManifestLocation) -> bool:
        """Whether both name the same folder, whatever the role.

        Slashes around a bucket or a prefix say nothing. Letter case does: old S3 buckets may differ in case alone.
        """
        return self._place == other._place

    @property
    def _place(self) -> tuple[Provider, str, str]:
        # A local "bucket" is a folder, where the slash at the start does say something.
        return (self.provider, self.bucket.rstrip("/"), self.prefix.strip("/"))

    def __str__(self) -> str:
        return f"{self.role} {self.provider} {self.bucket}/{self.prefix}"


@dataclass(frozen=True, eq=False)
class StorageManifest:
    """What a storage manifest says, and where its stored text can be read again.

    The files, of which there may be a million, are not held: each time one of the ``files`` is iterated, the text is
    read. Two manifests are equal when their texts are. Never build a text from the values to store it again: what the
    values do not show (order, unknown keys, spelling of numbers) has to survive; see ``append.with_replica_location``.

    Args:
        text: the JSON as stored.
        sha256: of the text, 64 lower-case hexadecimal digits.
        id: which bag version it is about.
        algorithm: of every digest in it.
        payload_files: the files of the bag, fetched ones included, in stored order.
        tag_files: the tag files, the tag manifests included, in stored order.
        files: payload files, then tag files.
        own_files, own_bytes: how many files have their bytes in this version's own folder, and how many bytes.
        depends_on: the other versions whose folders hold files of this one.
        location: the primary location.
        replica_locations: the secondary locations, in stored order.
        created_date: an instant, as it is written.
        info: the member ``info``, as it is stored.
        ingest_id: of the ingest that made the version, where recorded.
    """

    text: ManifestText = field(repr=False)
    sha256: str
    id: BagVersionId
    algorithm: Algorithm
    payload_files: Iterable[ManifestFile] = field(repr=False)
    tag_files: Iterable[ManifestFile] = field(repr=False)
    files: Iterable[ManifestFile] = field(repr=False)
    own_files: int
    own_bytes: int
    depends_on: frozenset[BagVersion]
    location: ManifestLocation
    replica_locations: tuple[ManifestLocation, ...]
    created_date: str
    ingest_id: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __eq__(self, other: object) -> bool:
        return self.sha256 == other.sha256 if isinstance(other, StorageManifest) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def concrete_files(self) -> Iterator[ManifestFile]:
        """The files whose bytes are in this version's own folder: exactly the objects a replica of it has there."""
        own = f"{self.id.version}/"
        return (file for file in self.files if file.path.startswith(own))

    @property
    def raw(self) -> bytes:
        """The whole text, for what is known to be small: a manifest may have hundreds of megabytes."""
        return b"".join(self.text.chunks())

    @property
    def locations(self) -> tuple[ManifestLocation, ...]:
        """The primary location, then the replicas."""
        return (self.location, *self.replica_locations)

    def is_at(self, location: ManifestLocation) -> bool:
        """Whether one of the locations, the primary included, is this place."""
        return any(known.is_same_place(location) for known in self.locations)
