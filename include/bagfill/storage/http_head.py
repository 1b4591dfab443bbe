"""The first lines of an HTTP/1.1 answer, read strictly: what is not plainly framed is refused, never guessed at.

Source: RFC 9112, sections 4 to 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?(?=\r\n|\Z)")
_NUMBER = re.compile(r"[0-9]{1,18}")
_FIELD = re.compile(r"\r\n([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)")


class HeadUnsound(ValueError):
    """An answer that begins with something else than HTTP."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer.

    Args:
        status: HTTP status.
        headers: names in lower case; of a name that comes twice, the values joined by a comma.
        is_last: whether the server closes the connection behind this answer.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    is_last: bool = False

    @property
    def length(self) -> int | None:
        """Bytes of the body that follows; ``None`` where no header says it plainly."""
        if self.status in {204, 304}:
            return 0
        text = self.headers.get("content-length", "")
        return int(text) if _NUMBER.fullmatch(text) and "transfer-encoding" not in self.headers else None

    @property
    def is_framed(self) -> bool:
        """Whether it is plain where the body ends: by its length, or because it comes in chunks."""
        if self.length is not None:
            return True
        chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        return chunked and "content-length" not in self.headers


def parse_head(text: bytes | bytearray) -> Head:
    """What stands before the empty line.

    Args:
        text: without the empty line.

    Raises:
        HeadUnsound: no HTTP/1, or a line that is no header.
    """
    plain = text.decode("latin-1")
    begun = _STATUS.match(plain)
    if begun is None:
        raise HeadUnsound("no status line of HTTP/1")
    # In one pass, as every small object has a head; a line that is no header is missing from what was found.
    found = _FIELD.findall(plain, begun.end())
    if not len(found) == plain.count("\r") == plain.count("\n"):
        raise HeadUnsound("a header line that is none")
    headers = {name.lower(): value.rstrip(" \t") for name, value in found}
    if len(headers) < len(found):
        headers = _joined(found)
    is_last = begun[1] == "0" or "close" in headers.get("connection", "").lower()
    return Head(int(begun[2]), headers, is_last)


def _joined(found: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for said, value in found:
        name, plain = said.lower(), value.rstrip(" \t")
        headers[name] = f"{headers[name]}, {plain}" if name in headers else plain
    return headers
