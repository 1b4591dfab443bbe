"""The `bagit` library as oracle: it makes bags, we judge them, and both agree on which are broken."""

from __future__ import annotations

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
FILES = st.dictionaries(NAMES, st.binary(max_size=20), min_size=1, max_size=4)
DAMAGE = st.sampled_from(["none", "change", "remove", "add", "manifest", "oxum"])
ALGORITHMS = st.lists(st.sampled_from(["md5", "sha1", "sha256", "sha512"]), min_size=1, unique=True)


@settings(max_examples=60, deadline=None)
@given(FILES, ALGORITHMS, DAMAGE, st.randoms(use_true_random=False))
def test_the_verdict_is_the_librarys(
    files: dict[str, bytes], algorithms: list[str], damage: str, choice: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in files.items():
            (root / name).write_bytes(data)
        bagit.make_bag(folder, checksums=algorithms)
        _damage(root, damage, choice)
        verdict = bagit.Bag(folder).is_valid()
        assert verdict is (damage == "none")
        assert is_valid(check(_contents(root), Profile.BAGIT)) is verdict


def _damage(root: Path, damage: str, choice: random.Random) -> None:
    victim = choice.choice(sorted((root / "data").iterdir()))
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


def _contents(root: Path) -> BagContents:
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    wanted = declared_algorithms(files)
    return BagContents(
        listing={name: len(data) for name, data in files.items()},
        tag_files={name: files[name] for name in tag_files_to_read(files)},
        observed={name: digest_bytes(data, wanted) for name, data in files.items()},
    )
