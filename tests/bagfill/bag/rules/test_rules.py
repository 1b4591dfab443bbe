"""One broken bag for every code: it breaks that rule and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.bag.rules.catalogue import RULES
from bagfill.bag.rules.check import check, is_valid, service_texts
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import digest_bytes

SERVICE, BAGIT = Profile.STORAGE_SERVICE, Profile.BAGIT
SHA256, SHA512, MD5, SHA1 = Algorithm.SHA256, Algorithm.SHA512, Algorithm.MD5, Algorithm.SHA1
BAG_INFO = "External-Identifier: b1\nPayload-Oxum: 8.3\nBagging-Date: 2021-07-16\n"
FETCHED = b"old"
FETCH = "s3://primary/digitised/b1/v1/data/c.txt 3 data/c.txt\n"


@dataclass
class Sample:
    """A sound bag version, to be broken before or after its tag manifests are made."""

    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            "bag-info.txt": BAG_INFO.encode(),
            "fetch.txt": FETCH.encode(),
            "data/a.txt": b"aaa",
            "data/b.txt": b"bb",
        }
    )
    algorithms: tuple[Algorithm, ...] = (SHA256,)
    tag_algorithms: tuple[Algorithm, ...] | None = None
    fetched: dict[str, bytes] = field(default_factory=lambda: {"data/c.txt": FETCHED})
    manifest_edit: Callable[[str, Algorithm], str] = lambda text, _: text
    tag_manifest_edit: Callable[[str, Algorithm], str] = lambda text, _: text
    late: dict[str, bytes | None] = field(default_factory=dict)
    identity: str = "digitised/b1"
    unread: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)

    def with_text(self, name: str, text: str | bytes) -> Sample:
        data = text.encode() if isinstance(text, str) else text
        return replace(self, files={**self.files, name: data})

    def without_fetch(self) -> Sample:
        files = {name: data for name, data in self.files.items() if name != "fetch.txt"}
        return replace(self, files=files, fetched={})

    def contents(self) -> BagContents:
        files = dict(self.files)
        payload = {name: data for name, data in {**files, **self.fetched}.items() if name.startswith("data/")}
        for algorithm in self.algorithms:
            files[f"manifest-{algorithm}.txt"] = self.manifest_edit(_lines(payload, algorithm), algorithm).encode()
        tags = {name: data for name, data in files.items() if not name.startswith("data/")}
        for algorithm in self.algorithms if self.tag_algorithms is None else self.tag_algorithms:
            files[f"tagmanifest-{algorithm}.txt"] = self.tag_manifest_edit(_lines(tags, algorithm), algorithm).encode()
        files |= {name: data for name, data in self.late.items() if data is not None}
        for name, data in self.late.items():
            if data is None:
                del files[name]
        wanted = declared_algorithms(files)
        everything = {**self.fetched, **files}
        return BagContents(
            listing={name: len(data) for name, data in files.items()},
            tag_files={name: files[name] for name in tag_files_to_read(files) if name not in self.unreadable},
            observed={name: digest_bytes(data, wanted) for name, data in everything.items() if name not in self.unread},
            fetched_sizes={name: len(data) for name, data in self.fetched.items()},
            identity=BagId.parse(self.identity),
            primary_bucket="primary",
            unreadable=self.unreadable,
        )


def _lines(files: dict[str, bytes], algorithm: Algorithm) -> str:
    return "".join(f"{digest_bytes(data, [algorithm])[algorithm].hex}  {name}\n" for name, data in files.items())


def info(old: str, new: str) -> Sample:
    assert old in BAG_INFO
    return Sample().with_text("bag-info.txt", BAG_INFO.replace(old, new))


def fetch(text: str) -> Sample:
    return Sample().with_text("fetch.txt", text)


def only(algorithm: Algorithm, edit: Callable[[str], str]) -> Callable[[str, Algorithm], str]:
    return lambda text, found: edit(text) if found is algorithm else text


def without_last(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:-1])


def renamed(new: str) -> Sample:
    sample = Sample()
    files = {new if name == "data/b.txt" else name: data for name, data in sample.files.items()}
    return replace(sample, files=files)


DECLARATION = "Error loading Bag Declaration (bagit.txt): "
INFO = "Error loading bag-info.txt: "
LOAD_FETCH = "Error loading fetch.txt: "


def bagit(text: str | bytes) -> Sample:
    return Sample().with_text("bagit.txt", text)


VERSION, ENCODING = "BagIt-Version: 1.0\n", "Tag-File-Character-Encoding: UTF-8\n"

# Code, profile, the broken bag, the path and the message of the finding.
CASES: list[tuple[str, Profile, Sample, str, str]] = [
    (
        "TAG-FILE-UNREADABLE",
        SERVICE,
        Sample(unreadable={"bag-info.txt": "access denied"}),
        "bag-info.txt",
        f"{INFO}access denied",
    ),
    (
        "DECLARATION-MISSING",
        SERVICE,
        Sample(files={name: data for name, data in Sample().files.items() if name != "bagit.txt"}),
        "bagit.txt",
        f"{DECLARATION}no such file!",
    ),
    ("DECLARATION-TOO-LARGE", SERVICE, bagit("x" * 1001), "bagit.txt", f"{DECLARATION}too large"),
    ("DECLARATION-NOT-UTF8", SERVICE, bagit(b"\xff"), "bagit.txt", f"{DECLARATION}could not be decoded as UTF-8"),
    (
        "DECLARATION-BOM",
        BAGIT,
        bagit("\ufeff" + VERSION + ENCODING),
        "bagit.txt",
        f"{DECLARATION}must not begin with a byte order mark",
    ),
    ("DECLARATION-LINES", SERVICE, bagit(VERSION), "bagit.txt", f"{DECLARATION}expected 2 lines, got 1"),
    (
        "DECLARATION-VERSION",
        SERVICE,
        bagit("BagIt-Version: one\n" + ENCODING),
        "bagit.txt",
        f"{DECLARATION}version line was not correct",
    ),
    (
        "DECLARATION-ENCODING",
        SERVICE,
        bagit(VERSION + "Tag-File-Character-Encoding: UTF-16\n"),
        "bagit.txt",
        f"{DECLARATION}encoding must be UTF-8",
    ),
    ("DECLARATION-FORMAT", SERVICE, bagit("a\nb\n"), "bagit.txt", f"{DECLARATION}not correctly formatted"),
    (
        "TAG-FILE-ENCODING",
        SERVICE,
        Sample().with_text("bag-info.txt", b"\xff"),
        "bag-info.txt",
        f"{INFO}could not be decoded as UTF-8: invalid start byte at byte 0",
    ),
    (
        "BAG-INFO-MISSING",
        SERVICE,
        Sample(files={name: data for name, data in Sample().files.items() if name != "bag-info.txt"}),
        "bag-info.txt",
        f"{INFO}no such file!",
    ),
    (
        "BAG-INFO-LINE",
        SERVICE,
        info("Payload-Oxum: ", "nothing\nPayload-Oxum: "),
        "bag-info.txt",
        f"{INFO}Unable to parse the following lines in bag-info.txt: nothing",
    ),
    (
        "BAG-INFO-KEY-MISSING",
        SERVICE,
        info("Payload-Oxum: 8.3\n", ""),
        "bag-info.txt",
        f"{INFO}Missing key in bag-info.txt: Payload-Oxum",
    ),
    (
        "BAG-INFO-MULTIPLE-VALUES",
        SERVICE,
        info("Payload-Oxum: 8.3\n", "Payload-Oxum: 8.3\nPayload-Oxum: 8.4\n"),
        "bag-info.txt",
        f"{INFO}Multiple values for Payload-Oxum in bag-info.txt: 8.3, 8.4",
    ),
    (
        "BAG-INFO-IDENTIFIER",
        SERVICE,
        info("b1", "/a"),
        "bag-info.txt",
        (
            f"{INFO}Unable to parse External-Identifier in bag-info.txt: "
            "External identifier cannot start with a slash, was /a"
        ),
    ),
    (
        "BAG-INFO-OXUM",
        SERVICE,
        info("8.3", "1.2.3"),
        "bag-info.txt",
        f"{INFO}Unable to parse Payload-Oxum in bag-info.txt: 1.2.3",
    ),
    (
        "BAG-INFO-DATE",
        SERVICE,
        info("2021-07-16", "yesterday"),
        "bag-info.txt",
        f"{INFO}Unable to parse Bagging-Date in bag-info.txt: Text 'yesterday' could not be parsed at index 0",
    ),
    (
        "MANIFEST-LINE",
        SERVICE,
        Sample(manifest_edit=lambda text, _: text + "not-hex data/x\n"),
        "manifest-sha256.txt",
        "Error loading manifest-sha256.txt: Failed to parse the following lines: not-hex data/x",
    ),
    (
        "MANIFEST-DUPLICATE",
        SERVICE,
        Sample(manifest_edit=lambda text, _: text + text.splitlines(keepends=True)[0]),
        "manifest-sha256.txt",
        "Error loading manifest-sha256.txt: Manifest contains duplicate paths: data/a.txt",
    ),
    (
        "PATH-LEAVES-BAG",
        SERVICE,
        Sample(manifest_edit=lambda text, _: text + f"{'0' * 64}  data/../../x\n"),
        "manifest-sha256.txt",
        "Error loading manifest-sha256.txt: Manifest contains paths that leave the bag: data/../../x",
    ),
    (
        "FETCH-LINE",
        SERVICE,
        fetch(FETCH + "nonsense\n"),
        "fetch.txt",
        f"{LOAD_FETCH}Line <<nonsense>> is incorrectly formatted!",
    ),
    (
        "FETCH-URI",
        SERVICE,
        fetch(FETCH + "s3://primary/a b 3 data/a.txt\n"),
        "fetch.txt",
        f"{LOAD_FETCH}URI is incorrectly formatted on line 2. Spaces should be URI-encoded: s3://primary/a b",
    ),
    (
        "FETCH-TAG-FILE",
        SERVICE,
        fetch(FETCH + "s3://primary/digitised/b1/v1/extra.txt - extra.txt\n"),
        "fetch.txt",
        f"{LOAD_FETCH}fetch.txt should not contain tag files: extra.txt",
    ),
    (
        "FETCH-DUPLICATE",
        SERVICE,
        fetch(FETCH + FETCH),
        "fetch.txt",
        f"{LOAD_FETCH}fetch.txt contains duplicate paths: data/c.txt",
    ),
    (
        "PAYLOAD-MANIFEST-MISSING",
        SERVICE,
        Sample(algorithms=(), tag_algorithms=(SHA256,)).without_fetch(),
        "",
        "Could not find any payload manifests in the bag",
    ),
    (
        "TAG-MANIFEST-MISSING",
        SERVICE,
        Sample(tag_algorithms=()),
        "",
        "Could not find any tag manifests in the bag",
    ),
    (
        "PAYLOAD-MANIFESTS-DIFFER",
        SERVICE,
        Sample(algorithms=(SHA256, SHA512), manifest_edit=only(SHA512, without_last)),
        "",
        "Payload manifests are inconsistent: every payload file must be listed in every payload manifest",
    ),
    (
        "TAG-MANIFESTS-DIFFER",
        SERVICE,
        Sample(algorithms=(SHA256, SHA512), tag_manifest_edit=only(SHA512, without_last)),
        "",
        "Tag manifests are inconsistent: each tag manifest should list the same set of tag files",
    ),
    (
        "PAYLOAD-MANIFESTS-WEAK",
        SERVICE,
        Sample(algorithms=(MD5,), tag_algorithms=(SHA256,)),
        "",
        "Payload manifests only use deprecated checksums: add a payload manifest using SHA-256 or SHA-512",
    ),
    (
        "TAG-MANIFESTS-WEAK",
        SERVICE,
        Sample(algorithms=(SHA256,), tag_algorithms=(SHA1,)),
        "",
        "Tag manifests only use weak checksums: add a tag manifest using SHA-256 or SHA-512",
    ),
    (
        "MANIFEST-ALGORITHMS-DIFFER",
        SERVICE,
        Sample(algorithms=(SHA256,), tag_algorithms=(SHA512,)),
        "",
        "Manifests are inconsistent: tag manifests should use the same algorithms as the payload manifests in the bag",
    ),
    (
        "PAYLOAD-MANIFEST-NOT-LISTED",
        BAGIT,
        Sample(tag_manifest_edit=lambda text, _: without_last(text)),
        "tagmanifest-sha256.txt",
        "tagmanifest-sha256.txt does not list manifest-sha256.txt",
    ),
    (
        "TAG-MANIFEST-LISTED",
        BAGIT,
        Sample(algorithms=(SHA256, SHA512), tag_manifest_edit=only(SHA512, lambda text: text)),
        "tagmanifest-sha256.txt",
        "tagmanifest-sha512.txt lists a tag manifest: tagmanifest-sha256.txt",
    ),
    (
        "IDENTIFIER-MISMATCH",
        SERVICE,
        replace(fetch(FETCH.replace("b1/", "b2/")), identity="digitised/b2"),
        "bag-info.txt",
        "External identifier in bag-info.txt does not match request: b1 is not b2",
    ),
    (
        "OXUM-COUNT",
        SERVICE,
        info("8.3", "8.4"),
        "bag-info.txt",
        "Payload-Oxum has the wrong number of payload files: 4, but bag manifest has 3",
    ),
    (
        "OXUM-BYTES",
        SERVICE,
        info("8.3", "9.3"),
        "bag-info.txt",
        "Payload-Oxum has the wrong octetstream sum: 9 bytes, but bag actually contains 8 bytes",
    ),
    (
        "PAYLOAD-OUTSIDE-DATA",
        SERVICE,
        replace(
            info("8.3", "11.4"),
            late={"x.txt": b"xxx"},
            manifest_edit=lambda text, _: text + _lines({"x.txt": b"xxx"}, SHA256),
        ),
        "x.txt",
        "Not all payload files are in the data/ directory: x.txt",
    ),
    (
        "TAG-FILE-IN-FOLDER",
        SERVICE,
        Sample().with_text("metadata/mets.xml", "<mets/>"),
        "metadata/mets.xml",
        "Not all tag files are in the root directory: metadata/mets.xml",
    ),
    (
        "PATH-LEAVES-BAG-ON-WINDOWS",
        SERVICE,
        renamed("data/d\\..\\..\\b.txt"),
        "data/d\\..\\..\\b.txt",
        "Path leaves the bag where a backslash separates folders: data/d\\..\\..\\b.txt",
    ),
    (
        "FETCH-PREFIX",
        SERVICE,
        fetch(FETCH.replace("primary", "elsewhere")),
        "data/c.txt",
        "fetch.txt refers to paths in a mismatched prefix or with a non-S3 URI scheme: data/c.txt",
    ),
    (
        "FETCH-VERSION",
        SERVICE,
        fetch(FETCH.replace("/v1/", "/old/")),
        "data/c.txt",
        (
            "fetch.txt refers to a path outside any version of the bag: data/c.txt at "
            "s3://primary/digitised/b1/old/data/c.txt"
        ),
    ),
    (
        "FETCH-NOT-IN-MANIFEST",
        SERVICE,
        fetch(FETCH + FETCH.replace("c.txt", "z.txt")),
        "data/z.txt",
        "fetch.txt refers to paths that aren't in the bag manifest: data/z.txt",
    ),
    ("NAME-ENDS-IN-DOT", SERVICE, renamed("data/b."), "data/b.", "Filenames cannot end with a .: data/b."),
    (
        "FILE-MISSING",
        SERVICE,
        Sample(late={"data/b.txt": None}),
        "data/b.txt",
        "Location not available! data/b.txt is in a manifest and not in the bag",
    ),
    (
        "FILE-SIZE",
        SERVICE,
        fetch(FETCH.replace(" 3 ", " 4 ")),
        "data/c.txt",
        "Lengths do not match: 4 (expected) != 3 (actual)",
    ),
    (
        "FILE-CHECKSUM",
        SERVICE,
        Sample(late={"data/b.txt": b"bB"}),
        "data/b.txt",
        (
            "Checksum values do not match: "
            f"expected {digest_bytes(b'bb', [SHA256])[SHA256]}, saw {digest_bytes(b'bB', [SHA256])[SHA256]}"
        ),
    ),
    (
        "FILE-NOT-READ",
        SERVICE,
        Sample(unread=("data/b.txt",)),
        "data/b.txt",
        "Not read: no SHA-256 digest was computed of data/b.txt",
    ),
    (
        "FETCH-ALSO-CONCRETE",
        SERVICE,
        Sample(late={"data/c.txt": FETCHED}),
        "data/c.txt",
        "Files referred to in the fetch.txt also appear in the bag: data/c.txt",
    ),
    (
        "FILE-NOT-IN-MANIFEST",
        SERVICE,
        Sample(late={"x": b"x"}),
        "x",
        "Bag contains a file which is not referenced in the manifest: /x",
    ),
]

# A weak algorithm on one side alone is, for the same reason, not the other side's.
IMPLIED = {
    "PAYLOAD-MANIFESTS-WEAK": {"MANIFEST-ALGORITHMS-DIFFER"},
    "TAG-MANIFESTS-WEAK": {"MANIFEST-ALGORITHMS-DIFFER"},
}


def in_bagit(sample: Sample) -> Sample:
    """The bag with its fetched file fetched: BagIt wants it in the bag."""
    return replace(sample, late={**sample.late, "data/c.txt": FETCHED})


def codes(findings: Iterable[object]) -> set[str]:
    return {finding.code for finding in findings}  # type: ignore[attr-defined]


def test_the_sound_bag_is_sound_in_both_profiles() -> None:
    assert check(Sample().contents(), SERVICE) == []
    assert check(in_bagit(Sample()).contents(), BAGIT) == []


@pytest.mark.parametrize(("code", "profile", "sample", "path", "message"), CASES, ids=[case[0] for case in CASES])
def test_a_bag_that_breaks_one_rule_gets_that_code_alone(
    code: str, profile: Profile, sample: Sample, path: str, message: str
) -> None:
    if profile is BAGIT and "fetch.txt" in sample.files:
        sample = in_bagit(sample)
    if code == "TAG-MANIFEST-LISTED":
        first = replace(sample, algorithms=(SHA256, SHA512)).contents().tag_files["tagmanifest-sha256.txt"]
        line = _lines({"tagmanifest-sha256.txt": first}, SHA512)
        sample = replace(sample, tag_manifest_edit=only(SHA512, lambda text: text + line))
    findings = check(sample.contents(), profile)
    found = [finding for finding in findings if finding.code == code]
    assert [(finding.path, finding.message) for finding in found] == [(path, message)]
    errors = {finding.code for finding in findings if finding.severity is Severity.ERROR}
    assert errors - {code} == IMPLIED.get(code, set())


def test_every_rule_has_a_bag_that_breaks_it() -> None:
    assert {rule.code for rule in RULES} == {case[0] for case in CASES}


def test_no_two_rules_share_a_code() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_all_findings_are_collected() -> None:
    sample = replace(info("8.3", "9.9"), late={"data/a.txt": b"zzz", "data/b.txt": None, "x": b"", "y": b""})
    findings = check(sample.contents(), SERVICE)
    assert codes(findings) == {"OXUM-COUNT", "FILE-CHECKSUM", "FILE-MISSING", "FILE-NOT-IN-MANIFEST"}
    assert not is_valid(findings)


def test_several_files_are_folded_into_the_storage_services_one_text() -> None:
    sample = Sample(late={"data/a.txt": b"zzz", "data/b.txt": None, "x": b"", "y": b""})
    assert service_texts(check(sample.contents(), SERVICE)) == [
        "Unable to verify 2 files in the bag: data/b.txt, data/a.txt",
        "Bag contains 2 files which are not referenced in the manifest: /x, /y",
    ]


def test_a_fetched_file_that_is_not_at_its_place_is_missing() -> None:
    contents = replace(Sample().contents(), fetched_sizes={})
    observed = {path: seen for path, seen in (contents.observed or {}).items() if path != "data/c.txt"}
    findings = check(replace(contents, observed=observed), SERVICE)
    assert [(finding.code, finding.path) for finding in findings] == [("FILE-MISSING", "data/c.txt")]


def test_every_declared_algorithm_is_compared() -> None:
    wrong = {"0": "1", "1": "0"}
    sample = Sample(
        algorithms=(SHA256, SHA512), manifest_edit=only(SHA512, lambda text: wrong.get(text[0], "0") + text[1:])
    )
    findings = check(sample.contents(), SERVICE)
    assert [(finding.code, finding.path) for finding in findings] == [("FILE-CHECKSUM", "data/a.txt")]


def test_a_digest_by_one_algorithm_only_does_not_count_as_read() -> None:
    contents = Sample(algorithms=(SHA256, SHA512)).contents()
    observed = {path: DigestSet([seen[SHA256]]) for path, seen in (contents.observed or {}).items()}
    findings = check(replace(contents, observed=observed), SERVICE)
    assert codes(findings) == {"FILE-NOT-READ"}
    assert {finding.path for finding in findings} == {"data/a.txt", "data/b.txt", "data/c.txt"}


def test_tag_files_are_compared_even_when_no_payload_was_read() -> None:
    changed = Sample(late={"bag-info.txt": BAG_INFO.replace("2021", "2020").encode()}).contents()
    findings = check(replace(changed, observed=None), SERVICE)
    assert [(finding.code, finding.path) for finding in findings] == [("FILE-CHECKSUM", "bag-info.txt")]


def test_what_the_storage_service_forbids_and_bagit_allows() -> None:
    sample = replace(in_bagit(Sample(algorithms=(MD5,), tag_algorithms=())), late={"x": b"x", "data/c.txt": FETCHED})
    assert check(sample.contents(), BAGIT) == []


def test_percent_encoded_names_are_found_in_bagit_and_not_by_the_storage_service() -> None:
    sample = replace(
        in_bagit(renamed("data/100%.txt")), manifest_edit=lambda text, _: text.replace("100%.txt", "100%25.txt")
    )
    assert check(sample.contents(), BAGIT) == []
    assert "FILE-MISSING" in codes(check(sample.contents(), SERVICE))


@pytest.mark.parametrize("oxum", ["7.3", "9.3"])
def test_a_sum_that_is_too_small_is_as_wrong_as_one_that_is_too_large(oxum: str) -> None:
    assert codes(check(info("8.3", oxum).contents(), SERVICE)) == {"OXUM-BYTES"}


def test_contents_that_leave_out_a_listed_tag_file_are_refused() -> None:
    with pytest.raises(ValueError, match="unreadable: bagit"):
        BagContents(listing={"bagit.txt": 1}, tag_files={})


def test_an_order_of_lines_that_differs_is_no_inconsistency() -> None:
    def reverse(text: str) -> str:
        return "".join(reversed(text.splitlines(keepends=True)))

    sample = Sample(algorithms=(SHA256, SHA512), manifest_edit=only(SHA512, reverse))
    assert check(sample.contents(), SERVICE) == []


def test_before_bagit_1_0_a_payload_file_may_be_in_one_manifest_alone() -> None:
    sample = Sample(algorithms=(SHA256, SHA512), manifest_edit=only(SHA512, without_last))
    old = in_bagit(sample.with_text("bagit.txt", "BagIt-Version: 0.97\n" + ENCODING))
    assert check(old.contents(), BAGIT) == []
    assert codes(check(in_bagit(sample).contents(), BAGIT)) == {"PAYLOAD-MANIFESTS-DIFFER"}
