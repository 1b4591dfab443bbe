"""Every payload file is in every payload manifest. RFC 8493, section 2.1.3 (since BagIt 1.0); storage service V12."""

from __future__ import annotations

from bagfill.bag.rules.finding import Profile
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule

_TEXT = "Payload manifests are inconsistent: every payload file must be listed in every payload manifest"


def find(bag: ParsedBag) -> list[Fault]:
    # Before 1.0 a payload file had to be in one manifest, not in all.
    old = bag.declaration is not None and bag.declaration.version < (1, 0)
    if not bag.is_whole or (old and bag.profile is Profile.BAGIT):
        return []
    # As sets: the order of lines says nothing.
    if all(manifest.paths.is_same(bag.payload) for manifest in bag.payload_manifests.values()):
        return []
    return [Fault("", _TEXT)]


RULE = Rule("PAYLOAD-MANIFESTS-DIFFER", "RFC 8493 2.1.3; V12", BOTH, find)
