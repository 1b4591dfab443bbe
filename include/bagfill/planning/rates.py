"""How fast copying and reading back are: declared in the settings, or measured before between the same locations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Activity(StrEnum):
    """What a worker spends its time on."""

    COPY = "copy"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Rate:
    """How long one worker takes: ``files · seconds_a_file + bytes · seconds_a_byte``.

    Args:
        measured: shards that it was learnt from; 0: declared.
    """

    seconds_a_file: float
    seconds_a_byte: float
    measured: int = 0

    def seconds(self, files: int, size: int) -> float:
        """Worker seconds for so many files and bytes."""
        return files * self.seconds_a_file + size * self.seconds_a_byte


@dataclass(frozen=True, slots=True)
class Measurements:
    """Sums over measured shards: enough to fit a :class:`Rate` by least squares, whatever their number.

    Args:
        count: shards.
        files, bytes, seconds: their sums.
        files_files, files_bytes, bytes_bytes, files_seconds, bytes_seconds: sums of products.
    """

    count: int = 0
    files: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0
    files_files: float = 0.0
    files_bytes: float = 0.0
    bytes_bytes: float = 0.0
    files_seconds: float = 0.0
    bytes_seconds: float = 0.0

    @classmethod
    def of(cls, files: int, size: int, seconds: float) -> Measurements:
        """One shard that took so long."""
        return cls(
            count=1,
            files=files,
            bytes=size,
            seconds=seconds,
            files_files=files * files,
            files_bytes=files * size,
            bytes_bytes=size * size,
            files_seconds=files * seconds,
            bytes_seconds=size * seconds,
        )

    def __add__(self, other: Measurements) -> Measurements:
        """Both together."""
        return Measurements(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def rate(self) -> Rate | None:
        """The rate that fits best, never negative; ``None`` when nothing was measured.

        When all shards are alike in shape (all of one file, say) the two parts cannot be told apart; then all time is
        put on the bytes, or on the files where there are no bytes.
        """
        if not self.count or self.seconds <= 0 or not (self.files or self.bytes):
            return None
        determinant = self.files_files * self.bytes_bytes - self.files_bytes**2
        if determinant > 1e-6 * self.files_files * self.bytes_bytes:
            a_file = (self.files_seconds * self.bytes_bytes - self.bytes_seconds * self.files_bytes) / determinant
            a_byte = (self.bytes_seconds * self.files_files - self.files_seconds * self.files_bytes) / determinant
            if a_file >= 0 and a_byte >= 0:
                return Rate(a_file, a_byte, self.count)
            if a_byte < 0 and self.files:
                return Rate(self.seconds / self.files, 0.0, self.count)
        if self.bytes:
            return Rate(0.0, self.seconds / self.bytes, self.count)
        return Rate(self.seconds / self.files, 0.0, self.count)
