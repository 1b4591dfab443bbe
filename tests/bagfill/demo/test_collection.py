"""The sample collection is what it says it is."""

from __future__ import annotations

import unicodedata

from bagfill.bag.rules.check import check
from bagfill.bag.rules.contents import BagContents, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.digester import Digester
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import LARGE_FILE_BYTES, sample_collection
from bagfill.demo.content import noise, text
from bagfill.ingests.reasons import Reason
from bagfill.storage.names import AZURE_NAMES

SMALL = sample_collection("bucket", "prefix/", large_file_bytes=10_000)


def findings(bag: SampleBag) -> list[str]:
    listing = {item.path: item.content for item in bag.objects}
    contents = BagContents(
        listing={path: content.size for path, content in listing.items()},
        tag_files={name: b"".join(listing[name].chunks()) for name in tag_files_to_read(listing)},
        observed={path: content.digests for path, content in listing.items()},
        identity=bag.id.bag,
        primary_bucket="bucket",
        primary_prefix="prefix/",
    )
    return [finding.code for finding in check(contents, Profile.STORAGE_SERVICE)]


def test_every_bag_is_sound_but_for_what_was_planted_in_it() -> None:
    found = {str(bag.id): codes for bag in SMALL if (codes := findings(bag))}
    assert found.keys() == {"born-digital/bit-rot/v1", "born-digital/SATSY/1821/4/v1"}
    assert set(found["born-digital/bit-rot/v1"]) == {"FILE-CHECKSUM"}
    assert set(found["born-digital/SATSY/1821/4/v1"]) == {"NAME-ENDS-IN-DOT"}


def test_it_holds_what_collections_hold() -> None:
    assert len({bag.id for bag in SMALL}) == len(SMALL) >= 14
    assert [bag.id for bag in SMALL] == sorted(bag.id for bag in SMALL)
    paths = {item.path: item for bag in SMALL for item in bag.objects}
    identifiers = {str(bag.id.external_identifier) for bag in SMALL}
    assert sum("fetch.txt" in {item.path for item in bag.objects} for bag in SMALL) == 2
    for character in "/ .":
        assert any(character in identifier for identifier in identifiers)
    for character in "%+日":
        assert any(character in path for path in paths)
    assert any(unicodedata.is_normalized("NFD", path) and not path.isascii() for path in paths)
    assert any(not unicodedata.is_normalized("NFC", path) for path in paths)
    assert any(item.content.size == 0 for item in paths.values())
    tags = {
        str(bag.id): {item.path: b"".join(item.content.chunks()) for item in bag.objects if "/" not in item.path}
        for bag in SMALL
    }
    assert b"\r\n" in tags["born-digital/old-tools/v1"]["bag-info.txt"]
    upper = tags["born-digital/old-tools/v2"]["manifest-sha256.txt"].split()[0]
    assert upper == upper.upper() != upper.lower()
    assert {"manifest-md5.txt", "manifest-sha256.txt", "manifest-sha512.txt"} <= set(tags["born-digital/old-tools/v3"])


def test_the_large_file_is_large() -> None:
    assert LARGE_FILE_BYTES == 100_000_000


def test_some_are_archived_in_part_and_one_as_a_whole() -> None:
    classes = {str(bag.id): {item.storage_class for item in bag.objects} for bag in SMALL}
    assert classes["digitised/b30000016/v1"] == {"", "GLACIER"}
    assert classes["digitised/b30000028/v1"] == {"DEEP_ARCHIVE"}


def test_three_must_not_be_registered() -> None:
    bad = {bag.expected: bag for bag in SMALL if bag.expected is not None}
    assert bad.keys() == {Reason.SOURCE_CORRUPT, Reason.NAME_REFUSED, Reason.OTHER_BYTES_AT_DESTINATION}
    assert any(AZURE_NAMES.check(item.path) for item in bad[Reason.NAME_REFUSED].objects)
    for bag in SMALL:
        if bag.expected is not Reason.NAME_REFUSED:
            assert not [item.path for item in bag.objects if AZURE_NAMES.check(f"{bag.id}/{item.path}")]
    planted = bad[Reason.OTHER_BYTES_AT_DESTINATION]
    own = {item.path: item.content for item in planted.objects}
    for path, content in planted.planted.items():
        assert own[path].size == content.size
        assert own[path].digests != content.digests


def test_content_is_the_same_every_time_and_every_block_differs() -> None:
    first, again = noise(3 * 1024 * 1024 + 5, 9), noise(3 * 1024 * 1024 + 5, 9)
    assert first.digests == again.digests
    chunks = list(first.chunks())
    assert sum(map(len, chunks)) == first.size
    assert len(set(chunks)) == len(chunks)
    assert noise(100, 1).digests != noise(100, 2).digests
    assert list(text("").chunks()) == []
    digester = Digester(first.digests.algorithms)
    for chunk in chunks:
        digester.update(chunk)
    assert digester.digests() == first.digests
