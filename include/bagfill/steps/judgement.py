"""The verdict on a bag version in a backfill: the same at the source, before anything is paid, and at the destination.

At the source the tag files alone are read, so no payload is compared; everything else is judged as it will be at the
destination.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from bagfill.bag.columns import DigestSets, Sizes
from bagfill.bag.rules.check import check_parsed
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Finding, Profile, Severity
from bagfill.bag.rules.parse_bag import parse_bag
from bagfill.bag.tag_data import TagData
from bagfill.checksum.digest import DigestMismatch, DigestSet
from bagfill.manifest.model import Provider, StorageManifest
from bagfill.registry.waivers import Waiver
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class BagAt:
    """A bag version as it was found at one location.

    Args:
        sizes: in bytes of the objects in the version's own folder, by path in it.
        tag_files: the tag files that the rules read.
        fetched_sizes: in bytes of the files whose bytes are in other versions' folders, by name in the bag.
        observed: digests of everything that was read back, by name in the bag; ``None``: no payload was read.
    """

    sizes: Mapping[str, int]
    tag_files: Mapping[str, TagData]
    fetched_sizes: Mapping[str, int]
    observed: Mapping[str, DigestSet] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found.

    Args:
        problems: what no waiver covers, one sentence each.
        waived: the waivers without which there would be more.
        digests: what all manifests of the bag say of each file, by its name in the bag.
    """

    problems: tuple[str, ...]
    waived: tuple[Waiver, ...]
    digests: Mapping[str, DigestSet]


def judge(services: Services, manifest: StorageManifest, destination: str, bag: BagAt) -> Judgement:
    """Judge a bag version by the profile that is configured for it, and by its own storage manifest.

    Args:
        manifest: of the version, as registered.
        destination: name of the location that shall have it.
        bag: what was found.
    """
    profile = services.profile_of(str(manifest.id.space), destination)
    parsed = parse_bag(bag_contents(manifest, bag, profile), profile)
    errors = [finding for finding in check_parsed(parsed) if finding.severity is Severity.ERROR]
    waived: list[Waiver] = []
    problems: list[str] = []
    waivers = services.waivers.of(manifest.id) if errors else ()
    for finding in errors:
        waiver = next((each for each in waivers if each.covers(finding.code, finding.path)), None)
        if waiver is not None and waiver.holds_at(services.clock()):
            waived.append(waiver)
        else:
            problems.append(_sentence(finding, waiver))
    try:
        digests = parsed.declared_digests()
    except ValueError as error:
        return Judgement((*problems, str(error)), (), {})
    problems += _contradictions(manifest, digests)
    return Judgement(tuple(problems), tuple(dict.fromkeys(waived)), digests)


def bag_contents(manifest: StorageManifest, bag: BagAt, profile: Profile) -> BagContents:
    """The bag version as the rules of a profile look at it."""
    if profile is Profile.BAGIT:
        # As RFC 8493 has it, a bag with fetch.txt is complete once its fetched files are in their places.
        return BagContents(
            listing=_together(bag.sizes, bag.fetched_sizes),
            tag_files=bag.tag_files,
            observed=bag.observed,
            identity=manifest.id.bag,
        )
    primary = manifest.location
    return BagContents(
        listing=bag.sizes,
        tag_files=bag.tag_files,
        observed=bag.observed,
        fetched_sizes=bag.fetched_sizes,
        identity=manifest.id.bag,
        # A folder or a container has no name that a URI of S3 could have.
        primary_bucket=primary.bucket if primary.provider is Provider.AMAZON_S3 else None,
        primary_prefix=primary.prefix.removesuffix(str(manifest.id.bag)),
    )


def _sentence(finding: Finding, ended: Waiver | None) -> str:
    text = f"{finding.path or 'bag'}: {finding.code}: {finding.message}"
    if ended is None or ended.until is None:
        return text
    return f"{text} (a waiver by {ended.who} ended {ended.until:%Y-%m-%d %H:%M} UTC)"


def _together(sizes: Mapping[str, int], fetched_sizes: Mapping[str, int]) -> Mapping[str, int]:
    if not fetched_sizes:
        return sizes
    if not isinstance(sizes, Sizes):
        return {**sizes, **fetched_sizes}
    both = Sizes(sizes.table)
    for path, size in chain(sizes.items(), fetched_sizes.items()):
        both.set(sizes.table.add(path), size)
    return both


def _contradictions(manifest: StorageManifest, digests: DigestSets) -> list[str]:
    """Where the bag's manifests and the storage manifest give one file two digests."""
    found = []
    for file in manifest.files:
        declared = digests.digest(file.name, file.digest.algorithm)
        if declared is not None and declared != file.digest:
            mismatch = DigestMismatch(file.digest, declared)
            found.append(f"{file.name}: storage manifest and bag differ: {mismatch}")
    return found
