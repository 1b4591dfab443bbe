"""The `bagit` library as oracle: it makes bags, we judge them, and both agree on which are broken."""

from __future__ import annotations

import codecs
import hashlib
import random
import tempfile
from pathlib import Path

import bagit
from hypothesis import given, settings
from hypothesis import strategies as st

from bagfill.bag.rules.check import check, is_valid
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.digester import digest_bytes

# Names a local disk can hold; the library normalises Unicode and trims, so only plain letters and no outer blanks.
NAMES = st.text("abc%~ .*-", min_size=1, max_size=8).filter(
    lambda name: name.strip(" .") == name and name[0] not in "*~"
)
FOLDERS = st.sampled_from(["", "sub/", "sub sub/deep/", "\u00fc/"])
PATHS = st.builds("{}{}".format, FOLDERS, NAMES)
FILES = st.dictionaries(PATHS, st.binary(max_size=20), min_size=1, max_size=4)
# What is done to the bag, and whether it is still valid.
DAMAGE = {
    "none": True,
    "change": False,
    "remove": False,
    "add": False,
    "manifest": False,
    "oxum": False,
    "tag file": False,
    "tag file gone": False,
    "tag file more": True,
    "declaration gone": False,
    "declaration with a byte order mark": False,
    "leaving the bag": False,
    "listed twice": False,
    "upper case": True,
    "line ends": True,
    "other normalisation": True,
    "folded metadata": True,
    "another version": True,
}
ALGORITHMS = st.lists(st.sampled_from(["md5", "sha1", "sha256", "sha512"]), min_size=1, unique=True)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(FILES, ALGORITHMS, st.sampled_from(list(DAMAGE)), st.randoms(use_true_random=False))
def test_the_verdict_is_the_librarys(
    files: dict[str, bytes], algorithms: list[str], damage: str, choice: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        bagit.make_bag(folder, checksums=algorithms)
        _damage(root, damage, choice)
        verdict = _librarys(folder)
        assert verdict is DAMAGE[damage]
        assert is_valid(check(_contents(root), Profile.BAGIT)) is verdict


def _librarys(folder: str) -> bool:
    try:
        return bool(bagit.Bag(folder).is_valid())
    except bagit.BagError:
        return False


def _damage(root: Path, damage: str, choice: random.Random) -> None:  # noqa: PLR0915 - a case for each damage
    victim = choice.choice(sorted(path for path in (root / "data").rglob("*") if path.is_file()))
    manifest = choice.choice(sorted(root.glob("manifest-*.txt")))
    match damage:
        case "change":
            victim.write_bytes(victim.read_bytes() + b"!")
        case "remove":
            victim.unlink()
        case "add":
            (root / "data/stranger").write_bytes(b"")
        case "manifest":
            manifest.write_text(manifest.read_text() + "\n")
        case "oxum":
            info = root / "bag-info.txt"
            info.write_text(info.read_text().replace("Payload-Oxum: ", "Payload-Oxum: 1"))
        case "tag file":
            info = root / "bag-info.txt"
            info.write_text(info.read_text() + "Note: x\n")
        case "tag file gone":
            (root / "bag-info.txt").unlink()
        case "tag file more":
            (root / "notes").write_text("x")
        case "declaration gone":
            (root / "bagit.txt").unlink()
        case "declaration with a byte order mark":
            declaration = root / "bagit.txt"
            declaration.write_bytes(codecs.BOM_UTF8 + declaration.read_bytes())
            _tag_manifests(root)
        case "leaving the bag":
            manifest.write_text(manifest.read_text() + manifest.read_text().split()[0] + "  ../../x\n")
            _tag_manifests(root)
        case "listed twice":
            lines = manifest.read_text().splitlines(keepends=True)
            manifest.write_text("".join(lines) + "0" + lines[0][1:] + "1" + lines[0][1:])
            _tag_manifests(root)
        case "upper case":
            lines = [line.split(" ", 1) for line in manifest.read_text().splitlines(keepends=True)]
            manifest.write_text("".join(f"{digest.upper()} {rest}" for digest, rest in lines))
            _tag_manifests(root)
        case "line ends":
            manifest.write_bytes(manifest.read_bytes().replace(b"\n", b"\r\n"))
            _tag_manifests(root)
        case "other normalisation":
            for folder in (root / "data").glob("\u00fc"):
                folder.rename(folder.with_name("u\u0308"))
        case "folded metadata":
            info = root / "bag-info.txt"
            info.write_text(info.read_text() + "Note: long\n  and longer\n")
            _tag_manifests(root)
        case "another version":
            declaration = root / "bagit.txt"
            number = choice.choice(["0.96", "0.97"])
            declaration.write_text(declaration.read_text().replace("0.97", number).replace("1.0", number))
            _tag_manifests(root)


def _tag_manifests(root: Path) -> None:
    """Make every tag manifest say what the tag files are now."""
    for path in root.glob("tagmanifest-*.txt"):
        algorithm = path.stem.partition("-")[2]
        names = [line.split(None, 1)[1] for line in path.read_text().splitlines()]
        digests = ((hashlib.new(algorithm, (root / name).read_bytes()).hexdigest(), name) for name in names)
        path.write_text("".join(f"{digest} {name}\n" for digest, name in digests))


def _contents(root: Path) -> BagContents:
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    wanted = declared_algorithms(files)
    return BagContents(
        listing={name: len(data) for name, data in files.items()},
        tag_files={name: files[name] for name in tag_files_to_read(files)},
        observed={name: digest_bytes(data, wanted) for name, data in files.items()},
    )
