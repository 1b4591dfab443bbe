"""Goes through the text of a storage manifest once: files pass by one at a time, everything else is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bagfill.manifest.errors import ManifestFormatError, shown
from bagfill.manifest.json_reader import JsonReader, NotJson

FILE_MANIFESTS = ("manifest", "tagManifest")
"""Top-level members whose ``files`` may be a million."""


@dataclass(frozen=True, slots=True)
class FileList:
    """Stands for an array of files that passed by.

    Args:
        number: which one of the text it was, from 0.
        count: of its files.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"an array of {self.count} files"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the top-level object, as it is written.

    Args:
        blanks: white space before its key.
        start, end: offsets in bytes of its value.
        is_spaced: whether a blank stands before the value.
        elements: of an array that is kept: white space before each element, and the offset of its end.
    """

    blanks: str
    start: int
    end: int
    is_spaced: bool
    elements: tuple[tuple[str, int], ...] = ()


class PassingFile(NamedTuple):
    """One element of an array of files.

    Args:
        key: the top-level member it is in.
        number: of its array in the text, see :class:`FileList`.
        place: in the array, from 0.
        value: as decoded.
    """

    key: str
    number: int
    place: int
    value: Any


@dataclass(slots=True)
class ManifestWalk:
    """One pass over a text.

    Args:
        chunks: the text.
        parse_float: see :class:`~bagfill.manifest.json_reader.JsonReader`.

    Attributes:
        values: the top-level object as far as it was read; arrays of files are :class:`FileList` in it. Of a key that
            is there twice the last counts, as in parsing.
        members: where these values stand.
        opened: of the file manifest that is being read: its members so far.
        sha256, length: of the text; after the last file.
    """

    chunks: Iterable[bytes | memoryview]
    parse_float: Callable[[str], Any] = float
    values: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    opened: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    length: int = 0
    _lists: int = 0

    def files(self) -> Iterator[PassingFile]:
        """Every element of every array of files, in the order of the text.

        Raises:
            ManifestFormatError: no JSON in UTF-8, or no object.
        """
        try:
            reader = JsonReader(self.chunks, parse_float=self.parse_float)
            if reader.peek() not in ("{", ""):
                raise ManifestFormatError("$", "an object", shown(reader.value()))
            for blanks, key in reader.members():
                is_spaced = bool(reader.skip_blanks()[-1:] == " ")
                start = reader.offset
                elements: list[tuple[str, int]] = []
                if key in FILE_MANIFESTS and reader.peek() == "{":
                    yield from self._file_manifest(key, reader)
                    value: Any = self.opened
                elif reader.peek() == "[":
                    value = list(_array(reader, elements))
                else:
                    value = reader.value()
                self.values[key] = value
                self.members[key] = Member(blanks, start, reader.offset, is_spaced, tuple(elements))
            self.sha256, self.length = reader.end()
        except NotJson as error:
            raise ManifestFormatError("$", "UTF-8" if error.encoding else "JSON", str(error)) from None

    def _file_manifest(self, key: str, reader: JsonReader) -> Iterator[PassingFile]:
        self.opened = {}
        for _, name in reader.members():
            if name == "files" and reader.peek() == "[":
                number, count = self._lists, 0
                self._lists += 1
                for element in reader.elements():
                    yield PassingFile(key, number, count, element)
                    count += 1
                self.opened[name] = FileList(number, count)
            else:
                self.opened[name] = reader.value()


def _array(reader: JsonReader, elements: list[tuple[str, int]]) -> Iterator[Any]:
    """The elements of an array that is kept, noting where they stand."""
    reader.take("[")
    blanks = reader.skip_blanks()
    if reader.peek() == "]":
        reader.take("]")
        return
    while True:
        value = reader.value()
        elements.append((blanks, reader.offset))
        yield value
        if reader.peek() != ",":
            break
        reader.take(",")
        blanks = reader.skip_blanks()
    reader.take("]")
