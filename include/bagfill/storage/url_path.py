"""A key as the path of a URL."""

from __future__ import annotations

import re
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*+")


def url_path(key: str) -> str:
    """The key percent-encoded, ``/`` kept (RFC 3986, section 3.3). Most keys need no encoding, and pass by often."""
    return key if _PLAIN.fullmatch(key) else quote(key, safe="/~")
