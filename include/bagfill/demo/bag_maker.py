"""Makes sample bags as the storage service keeps them: a folder per version, ``fetch.txt`` for what older ones hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.demo.content import Content
from bagfill.ingests.reasons import Reason

BAGGING_DATE = "2021-07-16"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file whose bytes an older version's folder holds.

    Args:
        path: where, from the bag's root: ``v1/data/a.txt``.
        content: those bytes.
    """

    path: str
    content: Content


@dataclass(frozen=True, slots=True)
class SampleObject:
    """One object of a bag version.

    Args:
        path: in the version's folder.
        content: the bytes as they lie at the source.
        storage_class: an archive class of S3 it is moved to after the import; empty: it stays readable.
    """

    path: str
    content: Content
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class SampleBag:
    """One sample bag version.

    Args:
        id: which.
        about: what is special in it, for the table at the end.
        objects: everything in its folder.
        expected: why it must not be registered; ``None``: it must be.
        planted: objects that somebody else left in its folder at the destination, by path in the folder.
    """

    id: BagVersionId
    about: str
    objects: tuple[SampleObject, ...]
    expected: Reason | None = None
    planted: Mapping[str, Content] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(item.content.size for item in self.objects)


@dataclass(frozen=True, slots=True)
class BagMaker:
    """Makes bag versions for one primary location.

    Args:
        bucket: the bucket that ``fetch.txt`` names.
        prefix: of the location: empty, or ending in ``/``.
    """

    bucket: str
    prefix: str = ""

    def make(
        self,
        bag: str,
        version: int,
        about: str,
        payload: Mapping[str, Content],
        *,
        fetched: Mapping[str, FetchedFile] | None = None,
        algorithms: Sequence[Algorithm] = (Algorithm.SHA256, Algorithm.SHA512),
        line_end: str = "\n",
        upper_case: bool = False,
        swapped: Mapping[str, Content] | None = None,
        archived: Mapping[str, str] | None = None,
        archive_class: str = "",
        expected: Reason | None = None,
        planted: Mapping[str, Content] | None = None,
    ) -> SampleBag:
        """One bag version.

        Args:
            bag: ``space/external identifier``.
            version: its number.
            about: what is special in it.
            payload: concrete payload files by name below ``data/``.
            fetched: payload files by name below ``data/`` whose bytes an older version holds.
            algorithms: of payload and tag manifests.
            line_end: of every tag file.
            upper_case: whether digests are written in upper case.
            swapped: other bytes of the same size that lie at the source instead, by name below ``data/``.
            archived: storage classes of single payload files, by name below ``data/``.
            archive_class: storage class of every object not in ``archived``.
            expected: why it must not be registered.
            planted: what lies at the destination, by path in the version's folder.
        """
        id_ = BagId.parse(bag).version(version)
        lines = _TagFiles(line_end, upper_case)
        everything = {f"data/{name}": content for name, content in payload.items()}
        everything |= {f"data/{name}": file.content for name, file in (fetched or {}).items()}
        tags: dict[str, Content] = {
            "bagit.txt": lines.write("BagIt-Version: 0.97", "Tag-File-Character-Encoding: UTF-8"),
            "bag-info.txt": lines.write(
                f"External-Identifier: {id_.external_identifier}",
                f"Payload-Oxum: {sum(content.size for content in everything.values())}.{len(everything)}",
                f"Bagging-Date: {BAGGING_DATE}",
                "Source-Organization: Bagfill sample collection",
                f"External-Description: {about}",
            ),
        }
        if fetched:
            tags["fetch.txt"] = lines.write(
                *(f"{self._uri(id_, file)}\t{file.content.size}\tdata/{name}" for name, file in fetched.items())
            )
        for algorithm in algorithms:
            tags[f"manifest-{algorithm.value}.txt"] = lines.manifest(algorithm, everything)
        listed = dict(tags)
        for algorithm in algorithms:
            tags[f"tagmanifest-{algorithm.value}.txt"] = lines.manifest(algorithm, listed)

        stored = {**payload, **(swapped or {})}
        classes = archived or {}
        objects = [SampleObject(path, content, archive_class) for path, content in tags.items()]
        objects += [
            SampleObject(f"data/{name}", content, classes.get(name, archive_class)) for name, content in stored.items()
        ]
        return SampleBag(id_, about, tuple(objects), expected, dict(planted or {}))

    def _uri(self, id_: BagVersionId, file: FetchedFile) -> str:
        return f"s3://{self.bucket}/{quote(f'{self.prefix}{id_.bag}/{file.path}')}"


@dataclass(frozen=True, slots=True)
class _TagFiles:
    line_end: str
    upper_case: bool

    def write(self, *lines: str) -> Content:
        return Content(data="".join(f"{line}{self.line_end}" for line in lines).encode())

    def manifest(self, algorithm: Algorithm, files: Mapping[str, Content]) -> Content:
        digests = {name: content.digests[algorithm].hex for name, content in files.items()}
        return self.write(*(f"{self._case(digest)}  {name}" for name, digest in digests.items()))

    def _case(self, digest: str) -> str:
        return digest.upper() if self.upper_case else digest
