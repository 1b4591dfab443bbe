"""Tag files as lines of text."""

from __future__ import annotations

import re
from typing import NamedTuple

from bagfill.bag.errors import BagFormatError, FormatCode, loading

# Not `str.splitlines`, which also splits at characters that are legal in file names: U+000B, U+0085, U+2028 and others.
_LINE_END = re.compile(r"\r\n|\n|\r")

# What the storage service trims (Java's `String.trim`): U+0020 and everything below.
BLANKS = "".join(map(chr, range(0x21)))


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
        reason = f"could not be decoded as {encoding.upper()}: {error.reason} at byte {error.start}"
    except (LookupError, UnicodeError):
        reason = f"the encoding {encoding!r} is not one that can be read"
    raise BagFormatError(FormatCode.TAG_FILE_ENCODING, file, None, loading(file, reason))
