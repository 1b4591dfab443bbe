"""Judge a bag version by the tag files at its source, before a byte of its payload is thawed or copied.

Tag files that are archived come first: they alone are asked for, read and judged, and only then the payload is asked
for. A bag that cannot pass costs the thaw of a few small files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bagfill.bag.path_table import PathTable
from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.bag.tag_data import TagData, chunks_of
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import digest_chunks
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import ManifestFile, StorageManifest
from bagfill.steps.failures import MOST_PROBLEMS, add_events
from bagfill.steps.judgement import BagAt, judge
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.registered_files import ExpectedDigests, RegisteredFiles
from bagfill.steps.services import Services
from bagfill.steps.tag_files import read_tag_file
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.store import ArchiveState, ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class JudgedGood:
    """The bag may be copied.

    Args:
        digests: what all manifests of the bag say of each concrete file.
    """

    digests: ExpectedDigests


@dataclass(frozen=True, slots=True)
class TagFilesArchived:
    """No verdict yet: these tag files cannot be read, and the destination does not have them either.

    Args:
        archived: paths in the version's folder that are to be asked for.
        thawing: paths whose thaw is under way.
    """

    archived: tuple[str, ...]
    thawing: tuple[str, ...]

    @property
    def paths(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.archived, *self.thawing))


def judge_source(
    services: Services,
    ref: IngestRef,
    manifest: StorageManifest,
    registered: RegisteredFiles,
    state: Callable[[str], ObjectInfo | None],
    there: Callable[[str], ObjectInfo | None],
) -> JudgedGood | TagFilesArchived | StepFailed:
    """Read what the rules need and judge, if it can be read now.

    A tag file that is archived at the source is read at the destination where an earlier attempt left it: its bytes are
    those that the storage manifest vouches for, or they are not taken.

    Args:
        manifest: the storage manifest of the version.
        registered: the files in it.
        state: a tag file at the source, by its path in the version's folder.
        there: the same at the destination.

    Raises:
        StoreError: a tag file could not be read, for another reason than being archived.
    """
    concrete = registered.at_root
    reading: dict[str, tuple[ObjectStore, ObjectInfo]] = {}
    waiting: dict[str, ArchiveState] = {}
    source = services.stores.reading(services.locations[ref.source])
    destination = services.stores.reading(services.locations[ref.destination])
    for path in tag_files_to_read(concrete):
        info = state(path)
        if info is None:
            message = f"{ref.bag_version}: {path} vanished from {ref.source}."
            return StepFailed(Reason.SOURCE_INCOMPLETE, message)
        if info.is_readable:
            reading[path] = (source, info)
        elif (copied := there(path)) is not None:
            reading[path] = (destination, copied)
        else:
            waiting[path] = info.archive
    if waiting:
        thawing = tuple(path for path, archive in waiting.items() if archive is ArchiveState.THAWING)
        return TagFilesArchived(tuple(path for path in waiting if path not in thawing), thawing)
    tag_files: dict[str, TagData] = {}
    for path, (store, info) in reading.items():
        data = _read(ref, store, info, concrete[path])
        if isinstance(data, StepFailed):
            return data
        tag_files[path] = data
    return _judge(services, ref, manifest, registered, tag_files)


def judge_when_readable(
    services: Services, ref: IngestRef, work: IngestWork, plan: Plan
) -> TagFilesArchived | StepFailed | None:
    """Give the verdict that was put off at planning, once; ``None`` when there is one and it is good.

    Raises:
        StoreError: a tag file, or its state, could not be had.
    """
    if work.is_judged(plan):
        return None
    manifest = work.manifest(plan)
    registered = RegisteredFiles(manifest, PathTable())
    planned = {file.path: file for file in work.unjudged_files(plan)}
    source, destination = services.locations[ref.source], services.locations[ref.destination]
    from_prefix, to_prefix = source.version_prefix(ref.id), destination.version_prefix(ref.id)
    states = {path: services.stores.reading(source).stat(f"{from_prefix}{path}") for path in sorted(planned)}
    replaced = [path for path, info in states.items() if info is not None and info.etag != planned[path].etag]
    if replaced:
        message = f"{ref.bag_version}: {replaced[0]} at {ref.source} was replaced since the plan."
        return StepFailed(Reason.SOURCE_CHANGED, message)
    outcome = judge_source(
        services,
        ref,
        manifest,
        registered,
        states.get,
        lambda path: services.stores.reading(destination).stat(f"{to_prefix}{path}"),
    )
    if not isinstance(outcome, JudgedGood):
        return outcome
    work.write_judgement(plan, outcome.digests.of)
    add_events(services, ref, [f"checking the tag files at {ref.source} succeeded - the payload may be asked for"])
    return None


def _read(ref: IngestRef, store: ObjectStore, info: ObjectInfo, file: ManifestFile) -> TagData | StepFailed:
    """The bytes that the storage manifest vouches for. Read twice before they are called wrong: a bit may flip."""
    expected, seen = DigestSet([file.digest]), DigestSet()
    for _ in range(2):
        data = read_tag_file(store, info)
        seen = digest_chunks(chunks_of(data), expected.algorithms)
        if expected.matches(seen):
            return data
    at_source = store.location == ref.source
    reason = Reason.SOURCE_CORRUPT if at_source else Reason.OTHER_BYTES_AT_DESTINATION
    found = seen[file.digest.algorithm]
    wrong = f"{store.location} is corrupt" if at_source else f"{store.location} holds other bytes"
    return StepFailed(
        reason, f"{ref.bag_version}: {file.path_in_version} at {wrong}: expected {file.digest}, saw {found}."
    )


def _judge(
    services: Services,
    ref: IngestRef,
    manifest: StorageManifest,
    registered: RegisteredFiles,
    tag_files: Mapping[str, TagData],
) -> JudgedGood | StepFailed:
    bag = BagAt(registered.sizes, tag_files, registered.elsewhere)
    verdict = judge(services, manifest, ref.destination, bag)
    if verdict.problems:
        summary = f"{ref.bag_version}: the bag at {ref.source} cannot pass: {verdict.problems[0]}."
        return StepFailed(Reason.BAG_INVALID, summary, verdict.problems[1 : MOST_PROBLEMS + 1])
    for waiver in verdict.waived:
        text = f"waived {waiver.code} in {waiver.path or 'the bag'}, by {waiver.who} - {waiver.why}"
        add_events(services, ref, [text])
    return JudgedGood(ExpectedDigests(registered, verdict.digests))
