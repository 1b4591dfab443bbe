"""A bag version kept in columns, with tag files that are not held, gets the verdict of one in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from bagfill.bag.columns import DigestSets, Sizes
from bagfill.bag.path_table import PathTable
from bagfill.bag.rules.check import check
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Finding, Profile
from bagfill.bag.rules.parse_bag import parse_bag
from bagfill.bag.tag_data import held
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest
from bagfill.checksum.digest_column import DigestColumn
from broken_bags import BAGIT, CASES, MD5, SHA256, Sample, in_bagit


@dataclass(frozen=True)
class InPieces:
    raw: bytes
    size: int

    def chunks(self) -> Iterator[bytes]:
        return (self.raw[start : start + self.size] for start in range(0, len(self.raw), self.size))


def compact(contents: BagContents, size: int) -> BagContents:
    table = PathTable()
    # In another order than anything else, as a listing may be.
    listing = Sizes(table)
    for path, length in reversed(contents.listing.items()):
        listing.set(table.add(path), length)
    columns = {algorithm: DigestColumn(algorithm) for algorithm in Algorithm}
    for path, digests in (contents.observed or {}).items():
        for digest in digests.values():
            columns[digest.algorithm].set(table.add(path), digest.text)
    return replace(
        contents,
        listing=listing,
        tag_files={name: InPieces(held(data, name), size) for name, data in contents.tag_files.items()},
        observed=None if contents.observed is None else DigestSets(table, list(columns.values())),
    )


def by_rule(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.code, finding.path, finding.message))


@pytest.mark.parametrize(("profile", "sample"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_broken_bag_has_the_same_findings(profile: Profile, sample: Sample, size: int) -> None:
    contents = (in_bagit(sample) if profile is BAGIT and "fetch.txt" in sample.files else sample).contents()
    assert by_rule(check(compact(contents, size), profile)) == by_rule(check(contents, profile))


@pytest.mark.parametrize("profile", Profile)
def test_the_digests_that_manifests_declare_are_the_same(profile: Profile) -> None:
    contents = Sample(algorithms=(MD5, SHA256)).contents()
    declared = parse_bag(contents, profile).declared_digests()
    assert dict(parse_bag(compact(contents, 3), profile).declared_digests()) == dict(declared)
    assert {str(algorithm) for algorithm in declared["data/a.txt"]} == {"md5", "sha256"}
    assert declared.digest("bagit.txt", SHA256) == declared["bagit.txt"][SHA256]
    assert declared.digest("data/none", SHA256) is None


def test_manifests_that_contradict_each_other_are_told() -> None:
    sample = Sample(tag_manifest_edit=lambda text, algorithm: f"{text}{Digest(algorithm, '0' * 64).hex}  data/a.txt\n")
    with pytest.raises(ValueError, match="Two SHA-256 digests for one file"):
        parse_bag(sample.contents(), BAGIT).declared_digests()
