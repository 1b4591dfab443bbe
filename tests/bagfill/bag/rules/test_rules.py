"""One broken bag for every code: it breaks that rule and no other."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from bagfill.bag.rules.catalogue import RULE_MODULES, RULES
from bagfill.bag.rules.check import check, is_valid, service_texts
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.checksum.digest import DigestSet
from broken_bags import (
    BAG_INFO,
    BAGIT,
    CASES,
    ENCODING,
    FETCH,
    FETCHED,
    IMPLIED,
    MD5,
    SERVICE,
    SHA256,
    SHA512,
    Sample,
    fetch,
    in_bagit,
    info,
    manifest_lines,
    only,
    plus,
    renamed,
    without_last,
)


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
        line = manifest_lines({"tagmanifest-sha256.txt": first}, SHA512)
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


@pytest.mark.parametrize("module", RULE_MODULES, ids=lambda module: module.RULE.code)
def test_a_rule_s_file_says_what_it_demands_and_cites_its_clause(module: object) -> None:
    text = " ".join((inspect.getdoc(module) or "").split())
    for clause in module.RULE.clause.split("; "):  # type: ignore[attr-defined]
        number = re.fullmatch(r"RFC 8493 ([0-9.]+)", clause)
        assert (f"section {number[1]}" if number else clause) in text


def test_every_check_of_the_storage_service_is_a_rule() -> None:
    found = {int(number) for rule in RULES for number in re.findall(r"\bV([0-9]+)", rule.clause)}
    # V22 and V23 compare source and destination: no bag breaks them by itself, the conclusion of a replica does it.
    assert found == set(range(1, 39)) - {22, 23}


def test_the_rules_that_may_be_waived_are_these_and_none_is_about_fixity_completeness_or_identity() -> None:
    assert {rule.code for rule in RULES if rule.waivable} == {
        "BAG-INFO-DATE",
        "BAG-INFO-FORM",
        "BAG-INFO-KEY-MISSING",
        "BAG-INFO-MISSING",
        "DECLARATION-VERSION-UNKNOWN",
        "MANIFEST-ALGORITHMS-DIFFER",
        "NAME-ENDS-IN-DOT",
        "OXUM-REPEATED",
        "PAYLOAD-MANIFEST-NOT-LISTED",
        "PAYLOAD-MANIFESTS-WEAK",
        "TAG-FILE-BOM",
        "TAG-FILE-IN-FOLDER",
        "TAG-MANIFEST-LISTED",
        "TAG-MANIFEST-MISSING",
        "TAG-MANIFESTS-DIFFER",
        "TAG-MANIFESTS-WEAK",
    }


LEAVING = [
    "/etc/passwd",
    "//server/share/x",
    "~/x",
    "~root/x",
    "../x",
    "data/../../x",
    "data/..",
    "./../x",
    "*../x",
    "*/x",
]
LEAVING_ON_WINDOWS = [
    "C:\\x",
    "c:/x",
    "D:x",
    "\\\\server\\share\\x",
    "\\\\?\\C:\\x",
    "..\\x",
    "data/..\\..\\x",
    "data\\..\\..\\x",
]


@pytest.mark.parametrize("path", [*LEAVING, *LEAVING_ON_WINDOWS])
@pytest.mark.parametrize("profile", Profile)
def test_no_spelling_of_a_path_leaves_the_bag_by_a_manifest(path: str, profile: Profile) -> None:
    wanted = "PATH-LEAVES-BAG" if path in LEAVING else "PATH-LEAVES-BAG-ON-WINDOWS"
    by_manifest = Sample(manifest_edit=lambda text, _: text + f"{'0' * 64}  {path}\n")
    by_tag_manifest = Sample(tag_manifest_edit=lambda text, _: text + f"{'0' * 64}  {path}\n")
    for sample in (by_manifest, by_tag_manifest):
        findings = check(sample.contents(), profile)
        assert wanted in {finding.code for finding in findings if finding.severity is Severity.ERROR}


@pytest.mark.parametrize("path", [path for path in LEAVING if path[0] != "*"] + LEAVING_ON_WINDOWS)
@pytest.mark.parametrize("profile", Profile)
def test_no_spelling_of_a_path_leaves_the_bag_by_fetch_txt(path: str, profile: Profile) -> None:
    wanted = "PATH-LEAVES-BAG" if path in LEAVING else "PATH-LEAVES-BAG-ON-WINDOWS"
    findings = check(fetch(FETCH + f"s3://primary/digitised/b1/v1/x 3 {path}\n").contents(), profile)
    assert wanted in {finding.code for finding in findings if finding.severity is Severity.ERROR}


@pytest.mark.parametrize("spelling", ["data/a.txt", "./data/a.txt", "*data/a.txt"])
def test_a_file_listed_twice_is_found_in_whatever_spelling(spelling: str) -> None:
    line = manifest_lines({spelling: b"aaa"}, SHA256)
    sample = in_bagit(Sample(manifest_edit=lambda text, _: text + line))
    assert "MANIFEST-DUPLICATE" in codes(check(sample.contents(), BAGIT))


@pytest.mark.parametrize(("name", "other"), [("data/100%.txt", "data/100%25.txt"), ("data/\u00e9", "data/e\u0301")])
def test_one_file_under_two_spellings_in_a_manifest_is_listed_twice(name: str, other: str) -> None:
    line = manifest_lines({other: b"bb"}, SHA256)
    sample = in_bagit(replace(renamed(name), manifest_edit=lambda text, _: text + line))
    assert "MANIFEST-DUPLICATE" in codes(check(sample.contents(), BAGIT))


def test_a_second_manifest_of_an_algorithm_cannot_hide_what_the_first_lists() -> None:
    sample = in_bagit(Sample(late={"manifest-SHA256.txt": b"", "data/c.txt": FETCHED}))
    findings = check(sample.contents(), BAGIT)
    assert {finding.code for finding in findings if finding.severity is Severity.ERROR} == {"MANIFEST-NAME"}


@pytest.mark.parametrize("version", ["0.93", "0.94", "0.95"])
def test_before_bagit_0_96_the_metadata_is_in_package_info_txt(version: str) -> None:
    sample = in_bagit(Sample()).with_text("bagit.txt", f"BagIt-Version: {version}\n{ENCODING}")
    files = {name: data for name, data in sample.files.items() if name != "bag-info.txt"}
    sound = replace(sample, files={**files, "package-info.txt": BAG_INFO.encode()})
    assert check(sound.contents(), BAGIT) == []
    wrong = replace(sample, files={**files, "package-info.txt": BAG_INFO.replace("8.3", "9.3").encode()})
    assert [(f.code, f.path) for f in check(wrong.contents(), BAGIT)] == [("OXUM-BYTES", "package-info.txt")]


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "windows-1252"])
def test_tag_files_are_read_in_the_encoding_that_is_declared(encoding: str) -> None:
    sample = in_bagit(renamed("data/\u00fcber.txt"))
    text = BAG_INFO.replace("b1", "\u00fc")
    files = {
        **sample.files,
        "bagit.txt": f"BagIt-Version: 1.0\nTag-File-Character-Encoding: {encoding}\n".encode(),
        "bag-info.txt": text.encode(encoding),
        "fetch.txt": FETCH.encode(encoding),
    }
    encoded = replace(sample, files=files, encoding=encoding)
    assert check(encoded.contents(), BAGIT) == []


def test_an_encoding_that_is_none_is_told_for_every_tag_file() -> None:
    sample = in_bagit(Sample()).with_text("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: nonsense\n")
    found = {finding.path for finding in check(sample.contents(), BAGIT) if finding.code == "TAG-FILE-ENCODING"}
    assert found == {"bag-info.txt", "fetch.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"}


def test_names_that_look_the_same_are_no_error() -> None:
    sample = in_bagit(plus({"data/\u00e9": b"1", "data/e\u0301": b"2", "data/A.TXT": b"3"}))
    findings = check(sample.contents(), BAGIT)
    assert is_valid(findings)
    assert codes(findings) == {"PATHS-DIFFER-IN-CASE", "PATHS-DIFFER-IN-NORMALISATION"}


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
