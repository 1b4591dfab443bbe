"""The Library of Congress conformance suite, and the storage service's own test bag."""

from __future__ import annotations

from pathlib import Path

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.bag.rules.check import check, is_valid
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.digester import digest_bytes

DATA = Path(__file__).parents[4] / "../shared/data"
SUITE = DATA / "bagit-conformance"
SERVICE_BAG = DATA / "storage-service-bags/testing/test_bag"

needs_suite = pytest.mark.skipif(not SUITE.is_dir(), reason=f"no conformance suite at {SUITE.resolve()}")
needs_service_bags = pytest.mark.skipif(not SERVICE_BAG.is_dir(), reason=f"no storage service bag at {SERVICE_BAG}")

# Why each bag of the suite is invalid.
INVALID = {
    "bom-in-bagit.txt": {"DECLARATION-BOM"},
    "corrupt-data-file": {"FILE-CHECKSUM"},
    "extra-file-in-bag": {"FILE-NOT-IN-MANIFEST"},
    "missing-bagit.txt": {"DECLARATION-MISSING"},
    "out-of-scope-file-paths-using-dot-notation": {"PATH-LEAVES-BAG"},
    "bagit-with-invalid-whitespace": {"DECLARATION-FORMAT"},
    "notAllManifestsListAllFiles": {"FILE-NOT-IN-MANIFEST"},
    "same-filename-listed-twice-with-different-hashes": {"MANIFEST-DUPLICATE"},
    "same-filename-listed-twice-with-the-same-hash": {"MANIFEST-DUPLICATE"},
}

# What is not recommended in a valid bag of the suite.
WARNED = {"duplicate-metadata-entries": {"BAG-INFO-REPEATED"}, "holey-bag": {"TAG-FILE-NOT-LISTED"}}


def contents_of(folder: Path, **more: object) -> BagContents:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return BagContents(
        listing={path: len(data) for path, data in files.items()},
        tag_files={name: files[name] for name in tag_files_to_read(files)},
        observed={path: digest_bytes(data, declared_algorithms(files)) for path, data in files.items()},
        **more,  # type: ignore[arg-type]
    )


def bags(kind: str) -> list[object]:
    return [pytest.param(path, id=f"{path.parts[-3]}-{path.name}") for path in sorted(SUITE.glob(f"v*/{kind}/*"))]


@needs_suite
@pytest.mark.parametrize("bag", bags("valid"))
def test_a_valid_bag_of_the_suite_is_accepted(bag: Path) -> None:
    findings = check(contents_of(bag), Profile.BAGIT)
    assert is_valid(findings)
    assert {finding.code for finding in findings} == WARNED.get(bag.name, set())


@needs_suite
@pytest.mark.parametrize("bag", bags("invalid"))
def test_an_invalid_bag_of_the_suite_is_refused_for_the_reason_it_is_named_after(bag: Path) -> None:
    findings = check(contents_of(bag), Profile.BAGIT)
    assert not is_valid(findings)
    assert INVALID[bag.name] <= {finding.code for finding in findings}


@needs_suite
def test_the_suite_has_been_found_whole() -> None:
    assert (len(bags("valid")), len(bags("invalid"))) == (13, 9)


@needs_service_bags
def test_the_first_version_of_the_storage_services_test_bag_is_valid_by_its_rules() -> None:
    bag = contents_of(
        SERVICE_BAG / "v1", identity=BagId.parse("testing/test_bag"), primary_bucket="wellcomecollection-storage"
    )
    assert check(bag, Profile.STORAGE_SERVICE) == []
    assert check(bag, Profile.BAGIT) == []


@needs_service_bags
def test_the_second_version_is_valid_with_the_file_it_fetches_from_the_first() -> None:
    readme = (SERVICE_BAG / "v1/data/README.txt").read_bytes()
    bag = contents_of(
        SERVICE_BAG / "v2",
        identity=BagId.parse("testing/test_bag"),
        primary_bucket="wellcomecollection-storage",
        fetched_sizes={"data/README.txt": len(readme)},
    )
    assert bag.observed is not None
    found = dict(bag.observed) | {"data/README.txt": digest_bytes(readme, declared_algorithms(bag.listing))}
    bag = BagContents(**{**vars(bag), "observed": found})
    assert check(bag, Profile.STORAGE_SERVICE) == []


@needs_service_bags
def test_the_second_version_alone_is_incomplete_by_bagit() -> None:
    findings = check(contents_of(SERVICE_BAG / "v2"), Profile.BAGIT)
    assert [(finding.code, finding.path) for finding in findings] == [("FILE-MISSING", "data/README.txt")]
