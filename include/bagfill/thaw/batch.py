"""Let S3 Batch Operations do one thing to many objects: manifest written, job created, waited for, report read.

Every name follows from the id of the work, so that whoever comes after a crash finds the manifest and the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bagfill.storage.batch_jobs import JobLook, JobState, TaskResult, manifest_text, report_parts, report_rows
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore

_POLL_SECONDS = 30.0


class BatchJobs(Protocol):
    """See :class:`bagfill.storage.s3_batch.S3BatchJobs`."""

    def create(self, token: str, operation: Mapping[str, Any], manifest_key: str, etag: str, report: str) -> str:
        """Create a job, and return its id. Raises StoreError."""
        ...

    def look(self, job: str) -> JobLook:
        """How far it is. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class BatchRunner:
    """Runs jobs on the objects of one location.

    Args:
        jobs: creates them.
        area: a store of its own for manifests and reports.
        prefix: in it, empty or ending in ``/``.
        bucket: of the objects.
        sleep: waits between two looks.
        poll_seconds: how long.
    """

    jobs: BatchJobs
    area: ObjectStore
    prefix: str
    bucket: str
    sleep: Callable[[float], None]
    poll_seconds: float = _POLL_SECONDS

    def run(self, work: str, operation: Mapping[str, Any], keys: Sequence[str]) -> Iterator[TaskResult]:
        """What became of each object, once the job has ended.

        Args:
            work: id; the same work finds the same job, and its operation and keys must be the same.
            operation: what to do.
            keys: full keys.

        Raises:
            StoreError: the job could not be created, looked at, or failed as a whole (MISCONFIGURED), or its report is
                not what a report is (UNAVAILABLE).
        """
        folder = f"{self.prefix}{work}"
        job = self._job(folder, work, operation, keys)
        look = self.jobs.look(job)
        while look.state is JobState.RUNNING:
            self.sleep(self.poll_seconds)
            look = self.jobs.look(job)
        if look.state is JobState.FAILED:
            codes = ", ".join(look.codes) or "no reason given"
            raise self._error(StoreFailure.MISCONFIGURED, job, f"the job failed after {look.done} objects: {codes}")
        try:
            for part in report_parts(self._read(f"{folder}/report/job-{job}/manifest.json")):
                yield from report_rows(self._read(part))
        except ValueError as error:
            raise self._error(StoreFailure.UNAVAILABLE, job, f"the report cannot be read: {error}") from None

    def _job(self, folder: str, work: str, operation: Mapping[str, Any], keys: Sequence[str]) -> str:
        known = self.area.stat(f"{folder}/job")
        if known is not None:
            return self._read(known.key).decode()
        name = f"{folder}/manifest.csv"
        self.area.create(name, manifest_text(self.bucket, keys))
        there = self.area.stat(name)
        if there is None:
            raise self._error(StoreFailure.CONFLICT, name, "the manifest was written, and is not there")
        job = self.jobs.create(work, operation, name, there.etag, f"{folder}/report")
        # The first who notes its job decides; by the token both have the same.
        self.area.create(f"{folder}/job", job.encode())
        return self._read(f"{folder}/job").decode()

    def _read(self, key: str) -> bytes:
        return b"".join(self.area.read(key))

    def _error(self, failure: StoreFailure, key: str, detail: str) -> StoreError:
        return StoreError(failure, location=self.area.location, key=key, operation="batch job", detail=detail)
