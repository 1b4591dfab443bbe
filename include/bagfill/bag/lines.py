"""Tag files as lines of text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.tag_data import TagData, chunks_of

# Not `str.splitlines`, which also splits at characters that are legal in file names: U+000B, U+0085, U+2028 and others.
_LINE_END = re.compile(r"\r\n|\n|\r")

# What the storage service trims (Java's `String.trim`): U+0020 and everything below.
BLANKS = "".join(map(chr, range(0x21)))


_LONGEST = 1024 * 1024
"""Characters of a line of a large file: a path has a few thousand at most."""


class Line(NamedTuple):
    """A line of a tag file, without its line end; numbers count from 1."""

    number: int
    text: str


def split_lines(text: str) -> list[Line]:
    r"""Split at ``\r\n``, ``\n`` and ``\r`` alone (RFC 8493, section 2.1.3); the last line end is optional."""
    lines = _LINE_END.split(text)
    if lines[-1] == "":
        del lines[-1]
    return [Line(number, line) for number, line in enumerate(lines, start=1)]


def decode_tag_file(data: bytes, file: str, encoding: str = "utf-8") -> str:
    """Decode a tag file.

    Args:
        data: its bytes.
        file: its name, for the error.
        encoding: as ``bagit.txt`` declares it.

    Raises:
        BagFormatError: ``TAG-FILE-ENCODING``, with the offset of the first byte that does not fit.
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(file, encoding, error.reason, error.start) from None
    except (LookupError, UnicodeError):
        raise _unknown(file, encoding) from None


def read_lines(data: TagData, file: str, encoding: str = "utf-8") -> Iterator[Line]:
    """The lines of a tag file, one after the other.

    Args, raises:
        As for :func:`decode_tag_file`; ``TAG-FILE-UNREADABLE`` for a line of a large file that has no end. The error
        may come after some lines.
    """
    if isinstance(data, bytes):
        yield from split_lines(decode_tag_file(data, file, encoding))
        return
    number = 1
    rest = ""
    for text in _decoded(data, file, encoding):
        # A carriage return at the very end may be the first half of a line end.
        whole = rest + text
        cut = len(whole) - 1 if whole.endswith("\r") else len(whole)
        *lines, last = _LINE_END.split(whole[:cut])
        rest = last + whole[cut:]
        for line in lines:
            yield Line(number, line)
            number += 1
        if len(rest) > _LONGEST:
            reason = f"line {number} has more than {_LONGEST} characters"
            raise BagFormatError(FormatCode.TAG_FILE_UNREADABLE, file, number, loading(file, reason))
    for line in split_lines(rest):
        yield Line(number + line.number - 1, line.text)


def _decoded(data: TagData, file: str, encoding: str) -> Iterator[str]:
    read = start = 0
    try:
        # Some codecs of Python do not decode to text; the short form knows which.
        b"".decode(encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
        for chunk in chunks_of(data):
            start = read - len(decoder.getstate()[0])
            read += len(chunk)
            yield decoder.decode(bytes(chunk))
        start = read - len(decoder.getstate()[0])
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _undecodable(file, encoding, error.reason, start + error.start) from None
    except (LookupError, UnicodeError):
        raise _unknown(file, encoding) from None


def _undecodable(file: str, encoding: str, reason: str, offset: int) -> BagFormatError:
    text = f"could not be decoded as {encoding.upper()}: {reason} at byte {offset}"
    return BagFormatError(FormatCode.TAG_FILE_ENCODING, file, None, loading(file, text))


def _unknown(file: str, encoding: str) -> BagFormatError:
    text = f"the encoding {encoding!r} is not one that can be read"
    return BagFormatError(FormatCode.TAG_FILE_ENCODING, file, None, loading(file, text))
