"""The bags that are moved: few files of some MiB, and many small ones, in the layout of the storage service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.checksum.algorithm import Algorithm
from bagfill.demo.bag_maker import BagMaker, SampleBag
from bagfill.demo.content import noise
from bagfill.demo.write import write_object
from bagfill.storage.location import Location
from bagfill.storage.store import AlreadyExists, ObjectStore


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of bag.

    Args:
        name: in words, for the table.
        identifier: ``space/external identifier``.
        files: payload files.
        file_bytes: size of each.
    """

    name: str
    identifier: str
    files: int
    file_bytes: int

    @property
    def payload_bytes(self) -> int:
        """Bytes of all payload files."""
        return self.files * self.file_bytes

    def make(self, bucket: str) -> SampleBag:
        """The bag, with SHA-256 manifests as the storage service's own."""
        payload = {
            f"objects/{number // 100:03d}/{number:05d}.bin": noise(self.file_bytes, number)
            for number in range(self.files)
        }
        return BagMaker(bucket).make(self.identifier, 1, self.name, payload, algorithms=(Algorithm.SHA256,))


def write(store: ObjectStore, location: Location, bag: SampleBag) -> None:
    """Put a bag at the source, several objects at a time. Raises StoreError."""
    prefix = location.version_prefix(bag.id)
    with ThreadPoolExecutor(8) as pool:
        for made in pool.map(lambda item: write_object(store, f"{prefix}{item.path}", item.content), bag.objects):
            assert not isinstance(made, AlreadyExists), "the bucket was not empty"
