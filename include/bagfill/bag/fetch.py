"""The list of files to fetch, ``fetch.txt``."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from bagfill.bag.columns import Paths, Texts
from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.lines import BLANKS, read_lines
from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import BagPath, InvalidBagPath, decode_percent
from bagfill.bag.tag_data import TagData

FETCH_FILE = "fetch.txt"

# The URI is the first run without blanks: unlike with the storage service's greedy pattern, a path may hold " 12 ",
# " - " or two blanks in a row.
_LINE = re.compile(r"\s*(\S+)\s+([0-9]+|-)\s+(\S.*)", re.ASCII | re.DOTALL)
_LINE_WITHOUT_LENGTH = re.compile(r"\s*(\S+)\s\s+(\S.*)", re.ASCII | re.DOTALL)
_GREEDY_LINE = re.compile(r"(.+)\s+(?:[0-9]+|-)\s+(.+)", re.ASCII | re.DOTALL)
_ILLEGAL_IN_URI = re.compile(r'[\x00-\x20\x7f<>"{}|\\^`]')
_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class FetchEntry:
    """A file whose bytes are elsewhere.

    Args:
        uri: where, as written, percent-encoded.
        length: in bytes, or nothing where the line has a dash.
        path: in the bag, decoded.
        line: the number of the line, from 1.
    """

    uri: str
    length: int | None
    path: BagPath
    line: int

    @property
    def scheme(self) -> str:
        """The scheme of the URI in lower case: ``s3``."""
        return urlsplit(self.uri).scheme

    @property
    def bucket(self) -> str:
        """The host part of the URI as written: for ``s3`` the bucket."""
        return urlsplit(self.uri).netloc

    @property
    def key(self) -> str:
        """The path of the URI decoded, without its first slash: for ``s3`` the object's key. ``#`` and ``?`` end it."""
        return unquote(urlsplit(self.uri).path, errors="strict").removeprefix("/")


class FetchList(Sequence[FetchEntry]):
    """The lines of a ``fetch.txt``, in its order, each in some bytes more than its URI has.

    Args:
        table: of the bag's paths; shared with whoever else knows these files.
    """

    def __init__(self, table: PathTable | None = None) -> None:
        self.paths = Paths(PathTable() if table is None else table)
        """The paths, each once."""
        self._uris = Texts()
        self._numbers = array("I")
        self._lengths = array("q")
        self._lines = array("I")
        self._places = array("I")

    def add(self, entry: FetchEntry) -> bool:
        """Append a line; ``False`` if its path was there before."""
        number = self.paths.table.add(entry.path)
        place = len(self._numbers)
        self._uris.set(place, entry.uri)
        self._numbers.append(number)
        self._lengths.append(-1 if entry.length is None else entry.length)
        self._lines.append(entry.line)
        while len(self._places) <= number:
            self._places.append(0)
        self._places[number] = place
        return self.paths.add(number)

    def of(self, path: str) -> FetchEntry | None:
        """The line about a file, the last if there are several; nothing if there is none."""
        number = self.paths.table.number(path)
        return self[self._places[number]] if number is not None and self.paths.has(number) else None

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        length = self._lengths[place]
        path = BagPath.known(self.paths.table.path(self._numbers[place]))
        uri = self._uris.get(place % len(self)) or ""
        return FetchEntry(uri, None if length < 0 else length, path, self._lines[place])

    def __len__(self) -> int:
        return len(self._numbers)


def parse_fetch(data: TagData, encoding: str = "utf-8") -> FetchList:
    """Read ``fetch.txt`` (RFC 8493, section 2.2.3).

    Args:
        data: the bytes of the file.
        encoding: as ``bagit.txt`` declares it.

    Raises:
        BagFormatError: the first of what ``scan_fetch`` finds.
    """
    entries, faults = scan_fetch(data, encoding)
    if faults:
        raise faults[0]
    return entries


def scan_fetch(
    data: TagData, encoding: str = "utf-8", *, table: PathTable | None = None
) -> tuple[FetchList, list[BagFormatError]]:
    """Read what can be read of ``fetch.txt``, and everything that is wrong with it.

    Args:
        data, encoding: as for ``parse_fetch``.
        table: as for :class:`FetchList`.

    Returns:
        The lines that are sound, and the faults: ``TAG-FILE-ENCODING``, ``FETCH-LINE`` (V17), ``FETCH-URI`` (V18),
        ``PATH-LEAVES-BAG``, ``FETCH-TAG-FILE`` (V19) and ``FETCH-DUPLICATE`` (V20).
    """
    entries = FetchList(table)
    faults: list[BagFormatError] = []
    tag_files: list[str] = []
    repeated: set[str] = set()
    try:
        for number, line in read_lines(data, FETCH_FILE, encoding):
            if not line.strip(BLANKS):
                continue
            try:
                entry = _parse_line(number, line)
            except BagFormatError as error:
                faults.append(error)
                continue
            if not entry.path.is_payload:
                tag_files.append(entry.path)
            if not entries.add(entry):
                repeated.add(entry.path)
    except BagFormatError as error:
        return FetchList(table), [error]
    if tag_files:
        faults.append(
            _error(FormatCode.FETCH_TAG_FILE, f"fetch.txt should not contain tag files: {', '.join(tag_files)}")
        )
    if repeated:
        text = f"fetch.txt contains duplicate paths: {', '.join(sorted(repeated))}"
        faults.append(_error(FormatCode.FETCH_DUPLICATE, text))
    return entries, faults


def _parse_line(number: int, line: str) -> FetchEntry:
    if match := _LINE.fullmatch(line):
        uri, length, written = match[1], match[2], match[3]
    elif match := _LINE_WITHOUT_LENGTH.fullmatch(line):
        uri, length, written = match[1], "-", match[2]
    elif match := _GREEDY_LINE.fullmatch(line):
        raise _uri_error(number, "Spaces should be URI-encoded", match[1])
    else:
        raise _error(FormatCode.FETCH_LINE, f"Line <<{line}>> is incorrectly formatted!", number)
    _check_uri(number, uri)
    try:
        path = BagPath.from_manifest(decode_percent(written.rstrip(BLANKS)))
    except InvalidBagPath:
        raise _error(
            FormatCode.PATH_LEAVES_BAG, f"fetch.txt contains a path that leaves the bag: {written}", number
        ) from None
    return FetchEntry(uri, None if length == "-" else int(length), path, number)


def _check_uri(number: int, uri: str) -> None:
    if illegal := _ILLEGAL_IN_URI.search(uri):
        raise _uri_error(number, f"Illegal character at index {illegal.start()}", uri)
    if broken := _BROKEN_ESCAPE.search(uri):
        raise _uri_error(number, f"Malformed escape pair at index {broken.start()}", uri)
    if not _SCHEME.match(uri):
        raise _uri_error(number, "Not an absolute URI", uri)
    try:
        _ = unquote(urlsplit(uri).path, errors="strict")
    except UnicodeDecodeError:
        raise _uri_error(number, "Escaped bytes are not UTF-8", uri) from None
    except ValueError as error:
        raise _uri_error(number, str(error), uri) from None


def _uri_error(number: int, reason: str, uri: str) -> BagFormatError:
    return _error(FormatCode.FETCH_URI, f"URI is incorrectly formatted on line {number}. {reason}: {uri}", number)


def _error(code: FormatCode, reason: str, line: int | None = None) -> BagFormatError:
    return BagFormatError(code, FETCH_FILE, line, loading(FETCH_FILE, reason))
