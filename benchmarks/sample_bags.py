"""The bags that are moved, in the layout of the storage service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.checksum.algorithm import Algorithm
from bagfill.demo.bag_maker import BagMaker, SampleBag
from bagfill.demo.content import noise
from bagfill.demo.write import write_object
from bagfill.storage.location import Location
from bagfill.storage.store import AlreadyExists, ObjectStore

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of bag.

    Args:
        key: the end of the names of its rows: ``mid``, ``small`` …
        name: in words, for the table.
        parts: how many payload files of how many bytes.
        by_file: whether cost is told for each 1,000 files, not for each GiB.
    """

    key: str
    name: str
    parts: tuple[tuple[int, int], ...]
    by_file: bool = False

    @property
    def identifier(self) -> str:
        """``space/external identifier``."""
        return f"benchmark/{self.key}"

    @property
    def unit(self) -> str:
        """Of processor time."""
        return "CPU s/1,000 files" if self.by_file else "CPU s/GiB"

    @property
    def amount(self) -> float:
        """How many thousands of files, or GiB, the payload is."""
        if self.by_file:
            return sum(count for count, _ in self.parts) / 1000
        return sum(count * size for count, size in self.parts) / GIB

    @property
    def in_one_request(self) -> bool:
        """Whether each file is small enough to be written in one request."""
        return all(size <= 8 * MIB for _, size in self.parts)

    def make(self, bucket: str) -> SampleBag:
        """The bag, with SHA-256 manifests as the storage service's own."""
        sizes = [size for count, size in self.parts for _ in range(count)]
        payload = {
            f"objects/{number // 100:03d}/{number:05d}.bin": noise(size, number) for number, size in enumerate(sizes)
        }
        return BagMaker(bucket).make(self.identifier, 1, self.name, payload, algorithms=(Algorithm.SHA256,))


FULL = (
    Shape("mid", "200 × 5 MiB", ((200, 5 * MIB),)),
    Shape("small", "5,000 × 16 KiB", ((5000, 16 * KIB),), by_file=True),
    Shape("big", "1 × 1 GiB", ((1, GIB),)),
    Shape("mixed", "1 × 256 MiB, 60 × 5 MiB, 1,000 × 64 KiB", ((1, 256 * MIB), (60, 5 * MIB), (1000, 64 * KIB))),
)
LITTLE = Shape("little", "1 × 16 MiB", ((1, 16 * MIB),))
"""Large enough to go the way of large files, small enough to show what is paid once, whatever is copied."""
QUICK = (
    Shape("mid", "20 × 5 MiB", ((20, 5 * MIB),)),
    Shape("small", "500 × 16 KiB", ((500, 16 * KIB),), by_file=True),
    Shape("big", "1 × 64 MiB", ((1, 64 * MIB),)),
    Shape("mixed", "1 × 16 MiB, 4 × 5 MiB, 60 × 64 KiB", ((1, 16 * MIB), (4, 5 * MIB), (60, 64 * KIB))),
)


def write(store: ObjectStore, location: Location, bag: SampleBag) -> None:
    """Put a bag at the source, several objects at a time. Raises StoreError."""
    prefix = location.version_prefix(bag.id)
    with ThreadPoolExecutor(8) as pool:
        for made in pool.map(lambda item: write_object(store, f"{prefix}{item.path}", item.content), bag.objects):
            assert not isinstance(made, AlreadyExists), "the bucket was not empty"
