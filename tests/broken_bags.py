"""One broken bag for every code, each named for it: it breaks that rule and, as far as that is possible, no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bagfill.bag.identifiers import BagId
from bagfill.bag.rules.contents import BagContents, Oddity, OddMember, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.algorithm import Algorithm
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
    odd_members: tuple[OddMember, ...] = ()
    encoding: str = "utf-8"

    def with_text(self, name: str, text: str | bytes) -> Sample:
        data = text.encode() if isinstance(text, str) else text
        return replace(self, files={**self.files, name: data})

    def without_fetch(self) -> Sample:
        files = {name: data for name, data in self.files.items() if name != "fetch.txt"}
        return replace(self, files=files, fetched={})

    def laid_out(self) -> dict[str, bytes]:
        """Every file of the folder, by path."""
        files = dict(self.files)
        payload = {name: data for name, data in {**files, **self.fetched}.items() if name.startswith("data/")}
        for algorithm in self.algorithms:
            files[f"manifest-{algorithm}.txt"] = self.manifest_edit(
                manifest_lines(payload, algorithm), algorithm
            ).encode(self.encoding)
        tags = {name: data for name, data in files.items() if not name.startswith("data/")}
        for algorithm in self.algorithms if self.tag_algorithms is None else self.tag_algorithms:
            files[f"tagmanifest-{algorithm}.txt"] = self.tag_manifest_edit(
                manifest_lines(tags, algorithm), algorithm
            ).encode(self.encoding)
        files |= {name: data for name, data in self.late.items() if data is not None}
        for name, data in self.late.items():
            if data is None:
                del files[name]
        return files

    def contents(self) -> BagContents:
        files = self.laid_out()
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
            odd_members=self.odd_members,
        )


def manifest_lines(files: dict[str, bytes], algorithm: Algorithm) -> str:
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


def without_first(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[1:])


def plus(files: dict[str, bytes]) -> Sample:
    """With more payload."""
    size, count = 8 + sum(map(len, files.values())), 3 + len(files)
    sample = info("8.3", f"{size}.{count}")
    return replace(sample, files={**sample.files, **files})


def odd(name: str, oddity: Oddity) -> Sample:
    return Sample(odd_members=(OddMember(name, oddity),))


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
        Sample(algorithms=(SHA256, SHA512), tag_manifest_edit=only(SHA512, without_first)),
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
            manifest_edit=lambda text, _: text + manifest_lines({"x.txt": b"xxx"}, SHA256),
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
    (
        "DECLARATION-VERSION-UNKNOWN",
        SERVICE,
        bagit("BagIt-Version: 1.1\n" + ENCODING),
        "bagit.txt",
        "BagIt 1.1 is no version of BagIt: known are 0.93 to 0.97, and 1.0",
    ),
    (
        "TAG-FILE-BOM",
        SERVICE,
        Sample().with_text("bag-info.txt", "\ufeff" + BAG_INFO),
        "bag-info.txt",
        "bag-info.txt begins with a byte order mark, which UTF-8 does not need",
    ),
    (
        "BAG-INFO-FORM",
        BAGIT,
        info("Bagging-Date: ", "Note :x\nBagging-Date: "),
        "bag-info.txt",
        "bag-info.txt line 3: a label, a colon, one blank and a value are wanted: Note :x",
    ),
    (
        "BAG-INFO-REPEATED",
        SERVICE,
        info("Bagging-Date: ", "Bag-Size: 1 B\nbag-size: 2 B\nBagging-Date: "),
        "bag-info.txt",
        "Bag-Size is repeated in bag-info.txt: 1 B, 2 B",
    ),
    (
        "OXUM-REPEATED",
        SERVICE,
        info("Payload-Oxum: 8.3\n", "Payload-Oxum: 8.3\nPayload-Oxum: 8.3\n"),
        "bag-info.txt",
        "Payload-Oxum is repeated in bag-info.txt: 8.3, 8.3",
    ),
    (
        "BAG-COUNT",
        SERVICE,
        info("Bagging-Date: ", "Bag-Count: 1 of many\nBagging-Date: "),
        "bag-info.txt",
        "Bag-Count in bag-info.txt is not N of T: 1 of many",
    ),
    (
        "MANIFEST-NAME",
        BAGIT,
        Sample(late={"manifest-SHA512.txt": b""}),
        "manifest-SHA512.txt",
        "manifest-SHA512.txt is no name of a manifest: it would be manifest-sha512.txt",
    ),
    (
        "MANIFEST-ALGORITHM-UNKNOWN",
        SERVICE,
        Sample().with_text("manifest-blake3.txt", "00  data/a.txt\n"),
        "manifest-blake3.txt",
        "manifest-blake3.txt was not compared: its algorithm is none of md5, sha1, sha224, sha256, sha384, sha512",
    ),
    ("MANIFEST-LISTS-FOLDER", SERVICE, plus({"data/d/": b""}), "data/d/", "A manifest lists a folder: data/d/"),
    (
        "TAG-MANIFEST-LISTS-PAYLOAD",
        BAGIT,
        Sample(tag_manifest_edit=lambda text, algorithm: text + manifest_lines({"data/a.txt": b"aaa"}, algorithm)),
        "data/a.txt",
        "A tag manifest lists a payload file: data/a.txt",
    ),
    (
        "TAG-FILE-NOT-LISTED",
        BAGIT,
        Sample(late={"x": b"x"}),
        "x",
        "No tag manifest lists x: nothing tells when it changes",
    ),
    (
        "PATHS-DIFFER-IN-CASE",
        SERVICE,
        plus({"data/A.TXT": b"AA"}),
        "data/a.txt",
        "Differs from data/A.TXT in letter case alone: data/a.txt",
    ),
    (
        "PATHS-DIFFER-IN-NORMALISATION",
        SERVICE,
        plus({"data/\u00e9": b"1", "data/e\u0301": b"2"}),
        "data/\u00e9",
        "Differs from data/e\u0301 in Unicode normalisation alone: 'data/\\xe9' and 'data/e\\u0301'",
    ),
    (
        "NAME-NORMALISATION",
        BAGIT,
        replace(renamed("data/e\u0301"), manifest_edit=lambda text, _: text.replace("e\u0301", "\u00e9")),
        "data/e\u0301",
        "manifest-sha256.txt has the name in another Unicode normalisation: 'data/\\xe9'",
    ),
    (
        "MANIFEST-ASTERISK",
        BAGIT,
        Sample(manifest_edit=lambda text, _: text.replace("  data/b", " *data/b")),
        "data/b.txt",
        "manifest-sha256.txt has an asterisk before the path: *data/b.txt",
    ),
    (
        "PERCENT-NOT-ENCODED",
        BAGIT,
        renamed("data/100%.txt"),
        "data/100%.txt",
        "manifest-sha256.txt does not write % as %25: data/100%.txt",
    ),
    (
        "PAYLOAD-FOLDER",
        SERVICE,
        Sample().with_text("data", "x"),
        "data",
        "data is a file; payload lies in a folder of that name",
    ),
    (
        "ARCHIVE-MEMBER-LEAVES",
        SERVICE,
        odd("../x", Oddity.LEAVES),
        "../x",
        "A member of the archive leaves the folder it is unpacked in: ../x",
    ),
    (
        "ARCHIVE-MEMBER-TWICE",
        SERVICE,
        odd("b/data/a.txt", Oddity.TWICE),
        "b/data/a.txt",
        "The archive has this member more than once: b/data/a.txt",
    ),
    (
        "ARCHIVE-MEMBER-NOT-A-FILE",
        SERVICE,
        odd("b/data/link", Oddity.NOT_A_FILE),
        "b/data/link",
        "The archive has a member that is neither file nor folder: b/data/link",
    ),
    (
        "ARCHIVE-MEMBER-OUTSIDE",
        SERVICE,
        odd("other/x", Oddity.OUTSIDE),
        "other/x",
        "The archive has a file beside the bag's folder: other/x",
    ),
]

# A weak algorithm on one side alone is, for the same reason, not the other side's.
IMPLIED = {
    "PAYLOAD-MANIFESTS-WEAK": {"MANIFEST-ALGORITHMS-DIFFER"},
    "TAG-MANIFESTS-WEAK": {"MANIFEST-ALGORITHMS-DIFFER"},
}
"""Errors that cannot be without another."""


def in_bagit(sample: Sample) -> Sample:
    """The bag with its fetched file fetched: BagIt wants it in the bag."""
    return replace(sample, late={**sample.late, "data/c.txt": FETCHED})
