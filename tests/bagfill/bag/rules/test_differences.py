"""Where our verdict differs from the `bagit` library's: the page says so, and each row of it is true.

Everything else agrees: see ``test_oracle.py`` and ``test_conformance.py``.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path

import bagit
import pytest

from bagfill.bag.rules.check import check
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.checksum.digester import digest_bytes

PAGE = Path(__file__).parents[4] / "docs/explanation/verdict.md"


def tag_manifest(folder: Path) -> None:
    """Make the tag manifest say what the tag files are now."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("tagmanifest-"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "tagmanifest-sha256.txt").write_text("".join(lines))


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes().decode()).encode())

    return apply


def add(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def version(number: str) -> Callable[[Path], None]:
    return edit("bagit.txt", lambda text: re.sub(r"[0-9]+\.[0-9]+", number, text, count=1))


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def old_tag_manifest(folder: Path) -> None:
    version("0.96")(folder)
    tag_manifest(folder)
    edit("bag-info.txt", lambda text: text + "Note: changed\n")(folder)


def second_manifest_lists_less(folder: Path) -> None:
    lines = [f"{hashlib.md5(b'a').hexdigest()}  data/a.txt\n"]
    (folder / "manifest-md5.txt").write_text("".join(lines))


def late(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """A change of the tag manifest itself, which is not to be made right again."""
    change.is_late = True  # type: ignore[attr-defined]
    return change


def tag_manifest_line(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tag_manifest(folder)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        edit("tagmanifest-sha256.txt", lambda text: text + f"{digest}  {name}\n")(folder)

    return late(apply)


def lists_another_tag_manifest(folder: Path) -> None:
    tag_manifest(folder)
    (folder / "tagmanifest-md5.txt").write_text(
        "".join(
            f"{hashlib.md5((folder / name).read_bytes()).hexdigest()}  {name}\n"
            for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt")
        )
    )


def without_payload_manifest(folder: Path) -> None:
    tag_manifest(folder)
    edit(
        "tagmanifest-sha256.txt",
        lambda text: "".join(line for line in text.splitlines(keepends=True) if " manifest-" not in line),
    )(folder)


def emptied(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        path.unlink()
    (folder / "data").rmdir()
    (folder / "manifest-sha256.txt").write_text("")
    edit("bag-info.txt", lambda text: re.sub("Payload-Oxum: .*", "Payload-Oxum: 0.0", text))(folder)


FETCHED = "https://example.org/a 1 data/a.txt\n"
MANIFEST, INFO, DECLARATION = "manifest-sha256.txt", "bag-info.txt", "bagit.txt"

# Each row of the page: what is done to a sound bag, and the codes of the rules by which we refuse it.
STRICTER: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "A line of a manifest that cannot be read": (edit(MANIFEST, lambda text: text + "nonsense\n"), {"MANIFEST-LINE"}),
    "A comment in a manifest": (edit(MANIFEST, lambda text: "# made by hand\n" + text), {"MANIFEST-LINE"}),
    "A file twice in a manifest of a bag before 1.0, with one checksum": (
        edit(MANIFEST, lambda text: text + text.splitlines(keepends=True)[0]),
        {"MANIFEST-DUPLICATE"},
    ),
    "A payload manifest that lists a file outside data/": (
        both(add("x.txt", "x"), edit(MANIFEST, lambda text: text + f"{hashlib.sha256(b'x').hexdigest()}  x.txt\n")),
        {"PAYLOAD-OUTSIDE-DATA", "OXUM-COUNT"},
    ),
    "A manifest whose name is not in lower case": (add("manifest-SHA512.txt", ""), {"MANIFEST-NAME"}),
    "A path with // in a manifest": (
        edit(MANIFEST, lambda text: text.replace("data/a.txt", "data//a.txt")),
        {"FILE-MISSING", "FILE-NOT-IN-MANIFEST"},
    ),
    "A name that leads out of the bag on Windows": (
        both(
            lambda folder: (folder / "data/a.txt").rename(folder / "data/x\\..\\..\\a.txt") and None,
            edit(MANIFEST, lambda text: text.replace("data/a.txt", "data/x\\..\\..\\a.txt")),
        ),
        {"PATH-LEAVES-BAG-ON-WINDOWS"},
    ),
    "A payload file that one of two manifests does not list, in BagIt 1.0": (
        both(version("1.0"), second_manifest_lists_less),
        {"PAYLOAD-MANIFESTS-DIFFER"},
    ),
    "A bagit.txt with more than its two lines": (
        edit(DECLARATION, lambda text: text + "Note: x\n"),
        {"DECLARATION-LINES"},
    ),
    "A bagit.txt with other blanks than one": (
        edit(DECLARATION, lambda text: text.replace(": ", " :  ")),
        {"DECLARATION-FORMAT"},
    ),
    "A BagIt version that was never published": (version("1.1"), {"DECLARATION-VERSION-UNKNOWN"}),
    "A byte order mark in a tag file in UTF-8": (edit(MANIFEST, lambda text: "\ufeff" + text), {"TAG-FILE-BOM"}),
    "A Payload-Oxum that is repeated": (
        edit(INFO, lambda text: text + re.findall("Payload-Oxum.*\n", text)[0]),
        {"OXUM-REPEATED"},
    ),
    "Two Payload-Oxums that differ": (
        edit(INFO, lambda text: text + "Payload-Oxum: 9.9\n"),
        {"BAG-INFO-MULTIPLE-VALUES"},
    ),
    "A label in bag-info.txt with a blank before its colon, in BagIt 1.0": (
        both(version("1.0"), edit(INFO, lambda text: text + "Note : x\n")),
        {"BAG-INFO-FORM"},
    ),
    "A changed tag file in a bag before 0.97": (late(old_tag_manifest), {"FILE-CHECKSUM"}),
    "A tag manifest that lists a payload file": (tag_manifest_line("data/a.txt"), {"TAG-MANIFEST-LISTS-PAYLOAD"}),
    "A tag manifest that lists a tag manifest, in BagIt 1.0": (
        late(both(version("1.0"), lists_another_tag_manifest)),
        {"TAG-MANIFEST-LISTED"},
    ),
    "A tag manifest that does not list a payload manifest, in BagIt 1.0": (
        late(both(version("1.0"), without_payload_manifest)),
        {"PAYLOAD-MANIFEST-NOT-LISTED"},
    ),
    "A file in fetch.txt that no manifest lists": (
        add("fetch.txt", FETCHED.replace("a.txt", "z.txt")),
        {"FETCH-NOT-IN-MANIFEST"},
    ),
    "A file twice in fetch.txt": (add("fetch.txt", FETCHED * 2), {"FETCH-DUPLICATE"}),
    "A tag file in fetch.txt": (add("fetch.txt", "https://example.org/i - bag-info.txt\n"), {"FETCH-TAG-FILE"}),
    "A length in fetch.txt that is not the file's": (
        add("fetch.txt", FETCHED.replace(" 1 ", " 7 ")),
        {"FILE-SIZE"},
    ),
}

LOOSER: dict[str, Callable[[Path], None]] = {
    "A wrong checksum by an algorithm that is not computed here": add(
        "manifest-blake2b.txt", f"{'0' * 128}  data/a.txt\n{'0' * 128}  data/b.txt\n"
    ),
    "A file name with % that a manifest encodes, as RFC 8493 demands": both(
        lambda folder: (folder / "data/a.txt").rename(folder / "data/100%.txt") and None,
        edit(MANIFEST, lambda text: text.replace("data/a.txt", "data/100%25.txt")),
    ),
    "No folder data, when no file is listed": emptied,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    bagit.make_bag(str(tmp_path), checksums=["sha256"])
    return tmp_path


def changed(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    if not getattr(change, "is_late", False):
        tag_manifest(folder)


def theirs(folder: Path) -> bool:
    logging.disable(logging.CRITICAL)
    try:
        return bool(bagit.Bag(str(folder)).is_valid())
    except bagit.BagError:
        return False
    finally:
        logging.disable(logging.NOTSET)


def ours(folder: Path) -> set[str]:
    """The codes of all errors."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    contents = BagContents(
        listing={name: len(data) for name, data in files.items()},
        tag_files={name: files[name] for name in tag_files_to_read(files)},
        observed={name: digest_bytes(data, declared_algorithms(files)) for name, data in files.items()},
    )
    return {finding.code for finding in check(contents, Profile.BAGIT) if finding.severity is Severity.ERROR}


def test_the_unchanged_bag_is_sound_to_both(folder: Path) -> None:
    assert theirs(folder)
    assert ours(folder) == set()


@pytest.mark.parametrize("what", STRICTER)
def test_we_refuse_what_the_library_accepts(folder: Path, what: str) -> None:
    change, codes = STRICTER[what]
    changed(folder, change)
    assert theirs(folder)
    assert ours(folder) == codes


@pytest.mark.parametrize("what", LOOSER)
def test_we_accept_what_the_library_refuses(folder: Path, what: str) -> None:
    changed(folder, LOOSER[what])
    assert not theirs(folder)
    assert ours(folder) == set()


def test_the_page_lists_these_differences_and_no_others() -> None:
    rows = re.findall(r"^\| ([^|`-][^|]*?) \|", PAGE.read_text(), re.MULTILINE)
    heads = {"Bag", "Text"}
    assert [row for row in rows if row not in heads] == [*STRICTER, *LOOSER]
    for what, (_, codes) in STRICTER.items():
        row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {what} |"))
        assert set(re.findall(r"`([A-Z0-9-]+)`", row)) == codes
