"""The first lines of an HTTP/1.1 answer, read strictly: what is not plainly framed is refused, never guessed at.

Source: RFC 9112, sections 4 to 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*+)?+(?=\r\n|\Z)")
_NUMBER = re.compile(r"[0-9]{1,18}")
_FIELD = re.compile(r"\r\n([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\r\n]*+)")
_NO_BODY = frozenset({204, 304})
_REMEMBERED = 500


class HeadUnsound(ValueError):
    """An answer that begins with something else than HTTP."""


class Head(NamedTuple):
    """Status and headers of an answer.

    Args:
        status: HTTP status.
        headers: names in lower case; of a name that comes twice, the values joined by a comma.
        length: bytes of the body that follows; ``None`` where no header says it plainly.
        is_last: whether the server closes the connection behind this answer.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    is_last: bool = False

    @property
    def is_framed(self) -> bool:
        """Whether it is plain where the body ends: by its length, or because it comes in chunks."""
        if self.length is not None:
            return True
        chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        return chunked and "content-length" not in self.headers


class _LowerCase(dict[str, str]):
    """Names of headers in lower case. A server spells the same few alike in every answer."""

    def __missing__(self, name: str) -> str:
        lower = name.lower()
        if len(self) < _REMEMBERED:
            self[name] = lower
        return lower


_LOWER = _LowerCase()


def parse_head(text: bytes | bytearray | memoryview) -> Head:
    """What stands before the empty line.

    Args:
        text: without the empty line.

    Raises:
        HeadUnsound: no HTTP/1, or a line that is no header.
    """
    plain = str(text, "latin-1")
    begun = _STATUS.match(plain)
    if begun is None:
        raise HeadUnsound("no status line of HTTP/1")
    # In one pass, as every small object has a head; a line that is no header is missing from what was found.
    found = _FIELD.findall(plain, begun.end())
    if not len(found) == plain.count("\r") == plain.count("\n"):
        raise HeadUnsound("a header line that is none")
    headers = {_LOWER[name]: value for name, value in found}
    if len(headers) < len(found) or " \r" in plain or "\t\r" in plain or plain[-1] in " \t":
        headers = _joined(found)
    version, status = begun.groups()
    is_last = version == "0" or "close" in headers.get("connection", "").lower()
    return Head(int(status), headers, _length(int(status), headers), is_last)


def _length(status: int, headers: Mapping[str, str]) -> int | None:
    if status in _NO_BODY:
        return 0
    text = headers.get("content-length", "")
    return int(text) if _NUMBER.fullmatch(text) and "transfer-encoding" not in headers else None


def _joined(found: list[tuple[str, str]]) -> dict[str, str]:
    """The same with care: names that come twice, and blanks behind a value."""
    headers: dict[str, str] = {}
    for said, value in found:
        name, plain = said.lower(), value.rstrip(" \t")
        headers[name] = f"{headers[name]}, {plain}" if name in headers else plain
    return headers
