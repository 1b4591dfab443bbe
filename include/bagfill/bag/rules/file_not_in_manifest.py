"""Nothing is in the bag that no manifest lists. RFC 8493, section 3 (payload only); storage service V38."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.bag.rules.finding import Profile
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    # Without a manifest of a kind every file of that kind would be a stranger.
    if not bag.is_whole or not bag.payload_manifests:
        return []
    return each([path for path in bag.contents.listing if _is_stranger(bag, path)], text)


def _is_stranger(bag: ParsedBag, path: str) -> bool:
    if path in bag.payload or path in bag.tags:
        return False
    if path.startswith("data/"):
        return True
    if bag.profile is Profile.BAGIT or not bag.tag_manifests:
        return False
    return manifest_algorithm(path, tag=True) is None


def text(paths: Sequence[str]) -> str:
    shown = ", ".join(f"/{path}" for path in paths)
    if len(paths) == 1:
        return f"Bag contains a file which is not referenced in the manifest: {shown}"
    return f"Bag contains {len(paths)} files which are not referenced in the manifest: {shown}"


RULE = Rule("FILE-NOT-IN-MANIFEST", "RFC 8493 3; V38", BOTH, find, fold=text)
