"""Names of runs that follow from what the run is about, so that two who ask for the same thing start it once."""

from __future__ import annotations

import hashlib
import re

from bagfill.bag.identifiers import BagId

_RUN_ID_LIMIT = 200
_SAFE = re.compile(rb"[A-Za-z0-9_.-]")


def run_id_of(bag: BagId, destination: str, attempt: int) -> str:
    """A run id made of characters that Airflow allows (``[A-Za-z0-9_.~:+-]``), unique for bag, destination and attempt.

    Args:
        attempt: from 1.
    """
    return _within_limit(f"bag__{_encode(str(bag))}__{_encode(destination)}", f"__a{attempt}")


def run_id_of_shipment(destination: str, shipment: str) -> str:
    """The same for the parcels of one shipment; its id is hexadecimal."""
    return _within_limit(f"parcels__{_encode(destination)}", f"__{shipment}")


def _within_limit(head: str, tail: str) -> str:
    if len(head) + len(tail) > _RUN_ID_LIMIT:
        digest = hashlib.sha256(head.encode()).hexdigest()[:32]
        head = f"{head[: _RUN_ID_LIMIT - len(tail) - len(digest) - 2]}~~{digest}"
    return head + tail


def _encode(text: str) -> str:
    """Without ``__`` and without ``_`` at an end, which part the pieces of a run id."""
    safe = "".join(chr(b) if _SAFE.match(bytes([b])) else f"~{b:02x}" for b in text.encode(errors="surrogatepass"))
    return re.sub(r"(?<![A-Za-z0-9.-])_|_(?![A-Za-z0-9.-])", "~5f", safe)
