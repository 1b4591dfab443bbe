"""Text from outside on a terminal: the name of a file may hold what clears the screen, or passes for an answer."""

from __future__ import annotations

import re

_ORDERS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""Control characters but tab and line feed, what turns the direction of text, and bytes of names that are no UTF-8."""

_IN_TEXT = re.compile(f"[{_ORDERS}]")
_IN_LINE = re.compile(rf"[{_ORDERS}\t\n\u2028\u2029]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with escapes for what a terminal would act on; lines stay lines."""
    return _IN_TEXT.sub(_escape, text)


def in_one_line(text: str) -> str:
    """The same for what has to stay in one line, such as a name."""
    return _IN_LINE.sub(_escape, text)


def valid_json(document: str) -> str:
    """A JSON document that can be written in UTF-8: names that are no UTF-8 have JSON's own escapes."""
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
