"""The bag declaration, ``bagit.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bagfill.bag.errors import BagFormatError, FormatCode
from bagfill.bag.lines import split_lines

DECLARATION_FILE = "bagit.txt"

LONGEST_DECLARATION = 1_000
"""Bytes of ``bagit.txt``."""

_BOM = b"\xef\xbb\xbf"
_VERSION_LINE = re.compile(r"BagIt-Version: ([0-9]+)\.([0-9]+)")
_ENCODING_LINE = re.compile(r"Tag-File-Character-Encoding: (\S+)")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What ``bagit.txt`` says.

    Args:
        version: of BagIt: ``(1, 0)``.
        encoding: of all other tag files, as written: ``UTF-8``.
    """

    version: tuple[int, int]
    encoding: str


def parse_declaration(data: bytes, *, utf8_only: bool = False) -> Declaration:
    """Read ``bagit.txt`` (RFC 8493, section 2.1.1).

    Args:
        data: the bytes of the file.
        utf8_only: whether the tag files may be in UTF-8 alone, as the storage service has it.

    Raises:
        BagFormatError: one of the ``DECLARATION-`` codes, with the storage service's text (V25 to V27).
    """
    if len(data) > LONGEST_DECLARATION:
        raise _error(FormatCode.DECLARATION_TOO_LARGE, "too large")
    if data.startswith(_BOM):
        raise _error(FormatCode.DECLARATION_BOM, "must not begin with a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _error(FormatCode.DECLARATION_NOT_UTF8, "could not be decoded as UTF-8") from None
    lines = split_lines(text)
    if len(lines) != 2:
        raise _error(FormatCode.DECLARATION_LINES, f"expected 2 lines, got {len(lines)}")
    version = _VERSION_LINE.fullmatch(lines[0].text)
    encoding = _ENCODING_LINE.fullmatch(lines[1].text)
    if version is None and encoding is None:
        raise _error(FormatCode.DECLARATION_FORMAT, "not correctly formatted")
    if version is None:
        raise _error(FormatCode.DECLARATION_VERSION, "version line was not correct", 1)
    if encoding is None:
        raise _error(FormatCode.DECLARATION_ENCODING, "encoding line was not correct", 2)
    if utf8_only and encoding[1] != "UTF-8":
        raise _error(FormatCode.DECLARATION_ENCODING, "encoding must be UTF-8", 2)
    return Declaration((int(version[1]), int(version[2])), encoding[1])


def missing_declaration() -> BagFormatError:
    """The error for a bag without ``bagit.txt`` (V24)."""
    return _error(FormatCode.DECLARATION_MISSING, "no such file!")


def _error(code: FormatCode, reason: str, line: int | None = None) -> BagFormatError:
    return BagFormatError(code, DECLARATION_FILE, line, f"Error loading Bag Declaration ({DECLARATION_FILE}): {reason}")
