"""The digests a bag promises and those of the bytes that were read."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.bag.paths import BagPath
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.checksum.digest import Digest


def promised_and_seen(bag: ParsedBag) -> Iterator[tuple[BagPath, Digest, Digest | None]]:
    """Every line of every manifest whose file is there, with the digest that was seen, or nothing if unread."""
    observed = bag.contents.observed or {}
    for manifest in (*bag.payload_manifests.values(), *bag.tag_manifests.values()):
        for path, digest, _ in manifest.entries:
            seen = bag.tag_file_digests.get(path) or observed.get(path)
            if bag.size_of(path) is not None or seen:
                yield path, digest, seen.get(manifest.algorithm) if seen else None
