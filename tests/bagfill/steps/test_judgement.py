"""The verdict beside the storage manifest: the two must not contradict each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.digest import Digest
from bagfill.manifest.model import StorageManifest
from bagfill.steps.judgement import BagAt, judge
from world import World, bag_files

BAG = BagId.parse("digitised/b1234")
V1 = BagVersionId.parse("digitised/b1234/v1")
FILES = bag_files(BAG, {"a.txt": b"alpha", "b.txt": b"beta"}, algorithms=("md5", "sha256"))


@pytest.fixture
def world() -> World:
    made = World()
    made.add(str(V1), FILES)
    return made


def registered(world: World) -> StorageManifest:
    stored = world.registry.manifest(V1)
    assert stored is not None
    return stored.manifest


def found(files: dict[str, bytes]) -> BagAt:
    return BagAt({path: len(data) for path, data in files.items()}, {n: files[n] for n in tag_files_to_read(files)}, {})


@pytest.mark.parametrize("profile", Profile)
def test_a_sound_bag_has_every_digest_of_every_manifest(world: World, profile: Profile) -> None:
    verdict = judge(world.services(profile=profile), registered(world), "azure", found(FILES))
    assert (verdict.problems, verdict.waived) == ((), ())
    assert {str(algorithm) for algorithm in verdict.digests["data/a.txt"]} == {"md5", "sha256"}
    assert set(verdict.digests) == {path for path in FILES if not path.startswith("tagmanifest-")}


def test_a_storage_manifest_with_another_digest_than_the_bag_s_own_is_named(world: World) -> None:
    manifest = registered(world)
    first, *others = manifest.files
    wrong = replace(first, digest=Digest(first.digest.algorithm, "0" * 64))
    changed = replace(manifest, files=(wrong, *others))
    (problem,) = judge(world.services(), changed, "azure", found(FILES)).problems
    assert problem.startswith(f"{first.name}: storage manifest and bag differ: expected sha256:000")


def test_a_file_that_only_one_of_both_knows_is_named(world: World) -> None:
    more = found({**FILES, "data/c.txt": b"more"})
    fewer = found({path: data for path, data in FILES.items() if path != "data/b.txt"})
    for bag, path, code in ((more, "data/c.txt", "FILE-NOT-IN-MANIFEST"), (fewer, "data/b.txt", "FILE-MISSING")):
        problems = judge(world.services(), registered(world), "azure", bag).problems
        assert any(problem.startswith(f"{path}: {code}") for problem in problems)
