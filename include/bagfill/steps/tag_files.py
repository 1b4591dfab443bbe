"""The tag files of one bag version: read whole from a store, and what they say about every file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bagfill.bag.declaration import parse_declaration
from bagfill.bag.payload_manifest import manifest_algorithm, parse_manifest, resolve_paths
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.storage.store import ObjectInfo, ObjectStore


def read_tag_files(store: ObjectStore, prefix: str, infos: Iterable[ObjectInfo]) -> dict[str, bytes]:
    """Read tag files whole, pinned to what was listed.

    Args:
        store: where they are.
        prefix: of the bag version, ending in ``/``; stripped from the names returned.
        infos: the tag files as listed.

    Raises:
        StoreError: one could not be read.
    """
    return {info.key.removeprefix(prefix): b"".join(store.read(info.key, etag=info.etag)) for info in infos}


def manifest_algorithms(names: Iterable[str]) -> frozenset[Algorithm]:
    """The algorithms of all payload and tag manifests among the file names at the root of a bag."""
    found = {manifest_algorithm(name, tag=tag) for name in names for tag in (False, True)}
    return frozenset(algorithm for algorithm in found if algorithm is not None)


def declared_digests(tag_files: Mapping[str, bytes], names: frozenset[str]) -> dict[str, DigestSet]:
    """What all manifests of the bag say of each file.

    How a path in a manifest is spelt (literally, as the storage service does, or percent-encoded, RFC 8493 section
    2.1.3) is found by the files that are there.

    Args:
        tag_files: the bytes of the manifests among them are read.
        names: names of all files of the bag, fetched ones included.

    Raises:
        BagFormatError: a manifest is malformed.
        ValueError: two manifests of one algorithm contradict each other.
    """
    encoding = parse_declaration(tag_files["bagit.txt"]).encoding if "bagit.txt" in tag_files else "utf-8"
    collected: dict[str, list[Digest]] = {}
    for file_name, data in tag_files.items():
        for tag in (False, True):
            algorithm = manifest_algorithm(file_name, tag=tag)
            if algorithm is None:
                continue
            manifest = parse_manifest(data, algorithm, encoding, name=file_name)
            resolved = resolve_paths(manifest.paths, names)
            for entry in manifest.entries:
                collected.setdefault(resolved[entry.path], []).append(entry.digest)
    return {path: DigestSet(digests) for path, digests in collected.items()}
