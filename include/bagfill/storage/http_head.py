"""The first lines of an HTTP/1.1 answer, read strictly: what is not plainly framed is refused, never guessed at.

Source: RFC 9112, sections 4 to 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*+)?+(?=\r\n|\Z)")
_NUMBER = re.compile(r"[0-9]{1,18}")
_NO_HEADER = re.compile(rb"\r\n(?!" + _TOKEN + rb"++:)")
READ = (
    "connection",
    "content-length",
    "content-range",
    "etag",
    "retry-after",
    "transfer-encoding",
    "x-amz-version-id",
    "x-ms-error-code",
    "x-ms-version-id",
)
"""Headers that anybody asks for. Of others only the form is looked at: to keep them costs more than to send them."""
_FIELD = re.compile(rb"\r\n(" + "|".join(READ).encode() + rb"):[ \t]*+([^\r\n]*+)", re.IGNORECASE)
_NO_BODY = frozenset({204, 304})


class HeadUnsound(ValueError):
    """An answer that begins with something else than HTTP."""


class Head(NamedTuple):
    """Status and headers of an answer.

    Args:
        status: HTTP status.
        headers: those of :data:`READ`, names in lower case; of one that comes twice, the values joined by a comma.
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


def parse_head(text: bytes | bytearray | memoryview) -> Head:
    """What stands before the empty line.

    Args:
        text: without the empty line.

    Raises:
        HeadUnsound: no HTTP/1, or a line that is no header.
    """
    plain = bytes(text)
    begun = _STATUS.match(plain)
    if begun is None:
        raise HeadUnsound("no status line of HTTP/1")
    if not plain.count(b"\r\n") == plain.count(b"\r") == plain.count(b"\n") or _NO_HEADER.search(plain):
        raise HeadUnsound("a header line that is none")
    headers: dict[str, str] = {}
    for said, value in _FIELD.findall(plain, begun.end()):
        name, text_of = said.decode().lower(), value.rstrip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {text_of}" if name in headers else text_of
    version, digits = begun.groups()
    status = int(digits)
    is_last = version == b"0" or "close" in headers.get("connection", "").lower()
    return Head(status, headers, _length(status, headers), is_last)


def _length(status: int, headers: Mapping[str, str]) -> int | None:
    if status in _NO_BODY:
        return 0
    text = headers.get("content-length", "")
    return int(text) if _NUMBER.fullmatch(text) and "transfer-encoding" not in headers else None
