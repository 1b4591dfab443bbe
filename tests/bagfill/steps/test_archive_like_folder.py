"""The same bag in a folder and in a tar or zip file has the same verdict, whatever is wrong with it."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from archives import WRITERS, under
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.algorithm import Algorithm
from bagfill.steps.validate_archive import validate_archive
from bagfill.steps.validate_bag import Verdict, validate_bag
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from broken_bags import MD5, SHA256, SHA512, Sample

NAMES = st.builds(
    "{}{}".format, st.sampled_from(["", "sub/", "ü/x y/"]), st.text("ab%~*-é", min_size=1, max_size=6)
).filter(lambda name: not name.startswith("~"))
PAYLOADS = st.dictionaries(NAMES.map("data/{}".format), st.binary(max_size=30), max_size=5)
ALGORITHMS = st.sampled_from([(SHA256,), (SHA256, SHA512), (SHA512, MD5)])
KEPT = "kept"
DAMAGE = st.lists(
    st.sampled_from([KEPT, "changed", "shorter", "removed", "renamed", "payload more", "tag file more", "fetch"]),
    max_size=3,
)


def damaged(files: dict[str, bytes], damage: list[str], choice: random.Random) -> dict[str, bytes]:
    files = dict(files)
    for each in damage:
        victim = choice.choice(sorted(name for name in files if name != "bagit.txt"))
        match each:
            case "changed":
                files[victim] = b"!" + files[victim][1:]
            case "shorter":
                files[victim] = files[victim][:-1]
            case "removed":
                del files[victim]
            case "renamed":
                files[victim.swapcase()] = files.pop(victim)
            case "payload more":
                files["data/more"] = b"more"
            case "tag file more":
                files["notes/more.txt"] = b"more"
            case "fetch":
                files["fetch.txt"] = b"s3://primary/digitised/b1/v1/data/c.txt 3 data/c.txt\n" * 2
    if choice.random() < 0.1:
        files["bagit.txt"] = files["bagit.txt"][: choice.randrange(len(files["bagit.txt"]))]
    return files


def said(verdict: Verdict) -> dict[str, Any]:
    """The verdict; findings come in the order of the listing, which an archive has its own of."""
    document = verdict.to_json()
    return {**document, "findings": sorted(document["findings"], key=str)}


@given(
    PAYLOADS,
    ALGORITHMS,
    DAMAGE,
    st.sampled_from(list(WRITERS)),
    st.sampled_from(["", "b1/", "./b1/", "x/y/"]),
    st.sampled_from(list(Profile)),
    st.randoms(use_true_random=False),
)
def test_the_verdict_on_an_archive_is_that_on_the_folder(
    payload: dict[str, bytes],
    algorithms: tuple[Algorithm, ...],
    damage: list[str],
    kind: str,
    root: str,
    profile: Profile,
    choice: random.Random,
) -> None:
    tags = {name: data for name, data in Sample().without_fetch().files.items() if not name.startswith("data/")}
    oxum = f"Payload-Oxum: {sum(map(len, payload.values()))}.{len(payload)}".encode()
    tags["bag-info.txt"] = tags["bag-info.txt"].replace(b"Payload-Oxum: 8.3", oxum)
    files = damaged(Sample(files={**tags, **payload}, fetched={}, algorithms=algorithms).laid_out(), damage, choice)
    bucket = MemoryBucket()
    for name, data in files.items():
        bucket.put_unconditionally(f"some/bag/{name}", data)
    expected = validate_bag(MemoryStore(bucket, location="memory"), "some/bag/", profile)
    members = under(root, files)
    choice.shuffle(members)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"bag.{kind}")
        WRITERS[kind](path, members)
        assert said(validate_archive(path, profile)) == said(expected)
    if set(damage) <= {KEPT} and len(files["bagit.txt"]) == len(tags["bagit.txt"]):
        assert expected.is_valid
