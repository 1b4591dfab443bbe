"""The text of one receipt: of a file, or of a record in the receipt store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bagfill.cli.answers import CommandError
from bagfill.cli.services import services_for

_CHUNK = 1024 * 1024


def file_chunks(path: Path) -> Iterator[bytes | memoryview]:
    """A file in pieces. Raises CommandError when it cannot be read."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


@contextmanager
def receipt_chunks(config: Path | None, place: str) -> Iterator[Iterator[bytes | memoryview]]:
    """A receipt in pieces, by the name of a file or of a record."""
    path = Path(place)
    if path.exists():
        yield file_chunks(path)
        return
    with services_for(config) as services:
        chunks = services.receipts.read_chunks(place)
        if chunks is None:
            raise CommandError(f"no such file, and no such record at {services.receipts.location}: {place}")
        yield chunks
