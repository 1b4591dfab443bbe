"""The stored text of a storage manifest, read again as often as is needed: it may have hundreds of megabytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

_SMALL = 4 * 1024 * 1024
"""Bytes, about 20,000 files."""


class ManifestText(Protocol):
    """JSON in UTF-8 that can be read again and again; it is the same bytes each time."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The text from its first byte, in pieces of any length.

        An implementation that reads from somewhere checks the whole text on the way and raises its own error, at the
        latest after the last piece, if it is another: whoever reads to the end has read what was stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class HeldText:
    """A text in memory: a small one."""

    raw: bytes = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """See :meth:`ManifestText.chunks`."""
        return iter((self.raw,))


@dataclass(frozen=True, slots=True)
class MadeText:
    """A text that is made anew each time it is read.

    Args:
        make: gives its pieces; the same each time.
    """

    make: Callable[[], Iterator[bytes]] = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """See :meth:`ManifestText.chunks`."""
        return self.make()


@dataclass(frozen=True, slots=True)
class SplicedText:
    """Another text with some bytes put in place of others; everything else is handed on untouched.

    Args:
        text: the other one.
        start, end: which of its bytes are replaced, as offsets.
        inserted: by what.
    """

    text: ManifestText
    start: int
    end: int
    inserted: bytes

    def chunks(self) -> Iterator[bytes | memoryview]:
        """See :meth:`ManifestText.chunks`."""
        position = 0
        for chunk in self.text.chunks():
            after = position + len(chunk)
            if position < self.start:
                yield chunk[: self.start - position]
            if position <= self.start < after:
                yield self.inserted
            if after > self.end:
                yield chunk[max(0, self.end - position) :]
            position = after
        if position <= self.start:
            yield self.inserted


def hold_small(text: ManifestText) -> ManifestText:
    """The same text in memory if it has at most 4 MiB, so that it need not be read again; else as it is.

    Raises:
        Exception: whatever the text itself raises.
    """
    held = bytearray()
    for chunk in text.chunks():
        held += chunk
        if len(held) > _SMALL:
            return text
    return HeldText(bytes(held))
