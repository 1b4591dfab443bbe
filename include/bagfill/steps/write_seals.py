"""Put the seals that the registry made beside their receipts. Whoever comes next writes what a killed process left."""

from __future__ import annotations

from dataclasses import dataclass

from bagfill.fixity.seals import seal_name
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class SealsWritten:
    """What came of it.

    Args:
        written: how many seals were found or written, each read back.
        damaged: names of seals in whose place something else lies; nothing was overwritten.
    """

    written: int
    damaged: tuple[str, ...]


def write_seals(services: Services, location: str) -> SealsWritten:
    """Write every seal of a location's chain that was not seen in the receipt store yet, in order.

    Any number of processes may do it at once: each writes the same bytes, and only where nothing is.

    Raises:
        StoreError: the receipt store did not answer; the rest is left for the next call.
    """
    written, damaged = 0, []
    for seal in services.registry.seals(location, unwritten=True):
        name = seal_name(location, seal.sequence)
        services.receipts.write_bytes(name, seal.document)
        if services.receipts.read_bytes(name) == seal.document:
            services.registry.seal_written(seal)
            written += 1
        else:
            damaged.append(name)
    return SealsWritten(written, tuple(damaged))
