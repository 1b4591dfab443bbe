"""The list of files to fetch, ``fetch.txt``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.lines import BLANKS, decode_tag_file, split_lines
from bagfill.bag.paths import BagPath, InvalidBagPath, decode_percent

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


def parse_fetch(data: bytes, encoding: str = "utf-8") -> tuple[FetchEntry, ...]:
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


def scan_fetch(data: bytes, encoding: str = "utf-8") -> tuple[tuple[FetchEntry, ...], list[BagFormatError]]:
    """Read what can be read of ``fetch.txt``, and everything that is wrong with it.

    Returns:
        The lines that are sound, and the faults: ``TAG-FILE-ENCODING``, ``FETCH-LINE`` (V17), ``FETCH-URI`` (V18),
        ``PATH-LEAVES-BAG``, ``FETCH-TAG-FILE`` (V19) and ``FETCH-DUPLICATE`` (V20).
    """
    try:
        text = decode_tag_file(data, FETCH_FILE, encoding)
    except BagFormatError as error:
        return (), [error]
    entries: list[FetchEntry] = []
    faults: list[BagFormatError] = []
    for number, line in split_lines(text):
        if not line.strip(BLANKS):
            continue
        try:
            entries.append(_parse_line(number, line))
        except BagFormatError as error:
            faults.append(error)
    if tag_files := [entry.path for entry in entries if not entry.path.is_payload]:
        faults.append(
            _error(FormatCode.FETCH_TAG_FILE, f"fetch.txt should not contain tag files: {', '.join(tag_files)}")
        )
    if repeated := sorted(path for path, count in Counter(entry.path for entry in entries).items() if count > 1):
        faults.append(_error(FormatCode.FETCH_DUPLICATE, f"fetch.txt contains duplicate paths: {', '.join(repeated)}"))
    return tuple(entries), faults


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
