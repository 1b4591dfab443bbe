"""What proves a replica: the observations of its verify shards, held against plan, manifest and both listings.

A million files are compared without being held: of each there are its path, sizes, ETags and digests, in columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from bagfill.bag.columns import DigestSets, Sizes, Texts
from bagfill.bag.path_table import PathTable
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import StorageManifest
from bagfill.planning.shards import PlannedFile
from bagfill.steps.failures import MOST_PROBLEMS
from bagfill.steps.listings import Problems, VersionListing
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.store import ObjectInfo


class ReadBack:
    """Everything that was read back of one replica, and what was planned.

    Each check hands back a failure, or nothing when it holds.

    Args:
        ref: the ingest.
        algorithms: by which digests are taken.

    Attributes:
        table: numbers of the paths, in the order of the plan.
        sizes: in bytes of what was read, by path.
        columns: its digests, by algorithm.
        tag_files: the source's objects outside ``data/`` as they are listed now, by path; after :meth:`check_source`.
    """

    def __init__(self, ref: IngestRef, algorithms: Collection[Algorithm]) -> None:
        self._ref = ref
        self.table = PathTable()
        self.sizes = Sizes(self.table)
        self.columns = {algorithm: DigestColumn(algorithm) for algorithm in algorithms}
        self.tag_files: dict[str, ObjectInfo] = {}
        self._etags = Texts()
        self._planned_sizes = Sizes(self.table)
        self._planned_etags = Texts()
        self._mismatches = Problems()

    @classmethod
    def of(cls, ref: IngestRef, work: IngestWork, plan: Plan) -> ReadBack | StepFailed:
        """Take in every shard; a shard that is not finished is a failure."""
        read = cls(ref, plan.algorithms)
        for index in range(plan.verify_shards):
            rows = work.results(plan, "verified", index)
            if rows is None:
                part = f"part {index + 1} of {plan.verify_shards} was not read back from {ref.destination}"
                last = work.last_failure()
                reason = Reason.INTERRUPTED if last is None else last.reason
                return StepFailed(reason, f"{ref.bag_version}: {part}.")
            read._add(work.verify_files(plan, index), rows)
        return read

    def _add(self, files: Collection[PlannedFile], rows: Collection[Mapping[str, Any]]) -> None:
        for file in files:
            number = self.table.add(file.path)
            self._planned_sizes.set(number, file.size)
            self._planned_etags.set(number, file.etag)
        for row in rows:
            number = self.table.add(row["path"])
            self.sizes.set(number, int(row["size"]))
            self._etags.set(number, row["etag"])
            for name, digits in row["digests"].items():
                self.columns[Algorithm(name)].set(number, digits)
        for file in files:
            number = self.table.add(file.path)
            if self.sizes.at(number) is not None:
                observed = self.digests.at(number)
                if not file.digests.matches(observed):
                    mismatch = "; ".join(map(str, file.digests.mismatches(observed)))
                    self._mismatches.add(file.path, f"{file.path}: {mismatch}")

    def note(self, name: str, digests: DigestSet) -> None:
        """Take in what was read of a file in another version's folder, by its name in the bag."""
        number = self.table.add(name)
        for algorithm, column in self.columns.items():
            if algorithm in digests:
                column.set(number, digests[algorithm].hex)

    @property
    def digests(self) -> DigestSets:
        """What was read of each file."""
        return DigestSets(self.table, list(self.columns.values()))

    def check_manifest(self, manifest: StorageManifest) -> StepFailed | None:
        """The observations cover exactly the manifest's files, and each matches: checked here again, not believed."""
        where = f"what was read back from {self._ref.destination}"
        lacking = Problems()
        expected = Sizes(self.table)
        own = f"{manifest.id.version}/"
        for file in manifest.concrete_files:
            path = file.path[len(own) :]
            number = self.table.add(path)
            expected.set(number, file.size)
            lacking.difference(path, file.size, self.sizes.at(number), where)
            digest = file.digest
            column = self.columns.get(digest.algorithm)
            if column is None or column.get(number) != digest:
                self._mismatches.add(path, f"{path}: not {digest}, which the storage manifest has")
        for number in range(len(self.table)):
            found = self.sizes.at(number)
            planned = self._planned_sizes.at(number)
            if expected.at(number) is None and (found is not None or planned is not None):
                lacking.difference(self.table.path(number), None, planned if found is None else found, where)
        return self.failed(Reason.DESTINATION_INCOMPLETE, "not every file was read back", lacking) or self.failed(
            Reason.DESTINATION_CORRUPT,
            f"what was read back from {self._ref.destination} is not the bag",
            self._mismatches,
        )

    def check_source(self, listing: Iterable[ObjectInfo], prefix: str) -> StepFailed | None:
        """The source is still what was planned: a bag that vanished or was replaced is not registered (invariant 9).

        Args:
            listing: every object of the source's folder, now.
            prefix: of the folder, ending in ``/``.
        """
        where = f"the listing of {self._ref.source}"
        other, replaced = Problems(), Problems()
        seen = bytearray(len(self.table))
        for info in listing:
            path = info.key.removeprefix(prefix)
            number = self.table.number(path)
            planned = None if number is None else self._planned_sizes.at(number)
            other.difference(path, planned, info.size, where)
            if number is None or planned is None:
                continue
            seen[number] = 1
            if self._planned_etags.get(number) != info.etag:
                replaced.add(path, f"{path}: replaced since the plan")
            if not path.startswith("data/"):
                self.tag_files[path] = info
        for number, is_seen in enumerate(seen):
            planned = self._planned_sizes.at(number)
            if not is_seen and planned is not None:
                other.difference(self.table.path(number), planned, None, where)
        # Not needed any more.
        self._planned_sizes, self._planned_etags = Sizes(self.table), Texts()
        problems = [*islice(other, MOST_PROBLEMS + 1), *islice(replaced, MOST_PROBLEMS + 1)]
        return self.failed(Reason.SOURCE_CHANGED, f"{self._ref.source} changed meanwhile", problems)

    def check_destination(self, there: VersionListing) -> StepFailed | None:
        """The destination's folder holds the objects that were read back, these very ones, and no other."""
        where = f"the listing of {self._ref.destination}"
        extra, lacking, replaced = Problems(), Problems(), Problems()
        for number in range(len(self.table)):
            read, found = self.sizes.at(number), there.sizes.at(number)
            if read is None and found is not None:
                extra.difference(self.table.path(number), None, found, where)
            elif read != found:
                lacking.difference(self.table.path(number), read, found, where)
            elif read is not None and there.etag(number) != self._etags.get(number):
                path = self.table.path(number)
                replaced.add(path, f"{path}: replaced after it was read back")
        # The receipt reads them again from the shards.
        self._etags = Texts()
        if not (extra or lacking):
            # The very same: a million of them need not be held twice.
            self.sizes = there.sizes
        return (
            self.failed(Reason.EXTRA_OBJECTS_AT_DESTINATION, "the destination holds more than the bag", extra)
            or self.failed(Reason.DESTINATION_INCOMPLETE, "the destination lacks files", lacking)
            or self.failed(Reason.DESTINATION_CORRUPT, f"{self._ref.destination} changed meanwhile", replaced)
        )

    def failed(self, reason: Reason, summary: str, problems: Collection[str]) -> StepFailed | None:
        """The failure of a check that found problems."""
        if not problems:
            return None
        first, *others = islice(problems, MOST_PROBLEMS + 1)
        return StepFailed(reason, f"{self._ref.bag_version}: {summary}: {first}.", tuple(others))
