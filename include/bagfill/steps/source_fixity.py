"""Source fixity before money: archived files are hashed where they lie, and a corrupt one is found before its thaw.

AWS hashes objects of any storage class by a job of S3 Batch Operations (*Compute checksum*), without restoring them.
Nothing is concluded for a file that could not be hashed, or of whose digests the provider computes none: it is thawed
and compared as ever. A good answer replaces no comparison either.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, InvalidDigest
from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import PlannedFile
from bagfill.steps.failures import MOST_PROBLEMS, add_events
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.storage.batch_jobs import TaskResult, checksum_operation
from bagfill.thaw.batch import BatchRunner

_COMPUTED = {
    Algorithm.SHA256: "SHA256",
    Algorithm.SHA512: "SHA512",
    Algorithm.SHA1: "SHA1",
    Algorithm.MD5: "MD5",
}
"""What the provider computes, the preferred first."""
_WORK = UUID("0a2d5c8e-66a1-5b0e-9d57-2c6d2f0f7b1d")


@dataclass(frozen=True, slots=True)
class SourceChecked:
    """What hashing in place came to; ``unknown`` files could not be hashed, or have no digest that is computed."""

    good: int
    unknown: int


def check_archived(
    services: Services, ref: IngestRef, files: Sequence[PlannedFile]
) -> SourceChecked | StepFailed | None:
    """Hash archived files in place and compare, where the source's settings want it. The caller holds the claim.

    Called again it finds the jobs that ran, and pays for none a second time.

    Args:
        services: of the step.
        ref: the ingest.
        files: archived files that are about to be asked for.

    Returns:
        the counts; a failure naming what is corrupt; ``None`` where it is not wanted.

    Raises:
        StoreError: a job could not be created, or failed.
    """
    source = services.locations[ref.source]
    runner = services.batch(source) if source.batch is not None and source.batch.check_source else None
    if runner is None or not files:
        return None
    prefix = source.version_prefix(ref.id)
    groups: defaultdict[Algorithm, dict[str, PlannedFile]] = defaultdict(dict)
    unknown = 0
    for file in files:
        algorithm = next((each for each in _COMPUTED if each in file.digests.algorithms), None)
        if algorithm is None:
            unknown += 1
        else:
            groups[algorithm][f"{prefix}{file.path}"] = file
    good, corrupt = 0, list[str]()
    for algorithm, group in groups.items():
        matched, wrong = _compare(runner, ref, algorithm, group)
        good += matched
        unknown += len(group) - matched - len(wrong)
        corrupt += wrong
    if corrupt:
        name = f"{ref.bag_version} at {ref.source}"
        message = f"{name}: {len(corrupt)} archived files are corrupt, first {corrupt[0]}. Nothing was asked for."
        return StepFailed(Reason.SOURCE_CORRUPT, message, tuple(corrupt[1 : MOST_PROBLEMS + 1]))
    counts = f"{good} match in place, {unknown} could not be hashed there"
    add_events(services, ref, [f"checking archived files at {ref.source} succeeded - {counts}"])
    return SourceChecked(good, unknown)


def _compare(
    runner: BatchRunner, ref: IngestRef, algorithm: Algorithm, files: dict[str, PlannedFile]
) -> tuple[int, list[str]]:
    # The bytes are part of the name: replaced objects are another work.
    what = "\n".join(f"{key} {file.etag}" for key, file in sorted(files.items()))
    work = str(uuid5(_WORK, f"{ref.ingest_id} {algorithm.value}\n{what}"))
    good, wrong = 0, list[str]()
    for result in runner.run(work, checksum_operation(_COMPUTED[algorithm]), sorted(files)):
        file = files.get(result.key)
        seen = _digest(result, algorithm)
        if file is None or seen is None:
            continue
        expected = file.digests[algorithm]
        if seen == expected:
            good += 1
        else:
            wrong.append(f"{file.path}: expected {expected}, saw {seen}")
    return good, wrong


def _digest(result: TaskResult, algorithm: Algorithm) -> Digest | None:
    """The digest of a report's row, or ``None`` for a row that holds none."""
    if not result.succeeded:
        return None
    try:
        values = json.loads(result.message)
        if values["checksumAlgorithm"] != _COMPUTED[algorithm] or values["checksumType"] != "FULL_OBJECT":
            return None
        return Digest(algorithm, base64.b64decode(values["checksum_base64"], validate=True).hex())
    except (InvalidDigest, ValueError, KeyError, TypeError):
        return None
