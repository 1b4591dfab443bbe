"""Judge one bag version where it lies: every byte is read once, every checksum compared, every rule asked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bagfill.bag.identifiers import BagId
from bagfill.bag.rules.check import check, is_valid
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Finding, Profile, Severity
from bagfill.steps.folder_digests import FilesToRead, read_digests
from bagfill.steps.folder_files import NothingThere, find_fetched, list_folder, require_readable
from bagfill.steps.second_look import doubted_files, look_again
from bagfill.steps.tag_files import read_tag_file
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    from bagfill.checksum.side_by_side import Lanes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Args:
        profile: by which rules.
        findings: every broken rule.
        files: how many objects were read.
        bytes: their size together.
        not_looked_for: files of ``fetch.txt`` that nobody looked for, because the folder's place does not tell where.
    """

    profile: Profile
    findings: tuple[Finding, ...]
    files: int
    bytes: int
    not_looked_for: Collection[str]

    @property
    def is_valid(self) -> bool:
        """Whether no rule that matters is broken."""
        return is_valid(self.findings)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "valid": self.is_valid,
            "profile": self.profile.value,
            "errors": sum(finding.severity is Severity.ERROR for finding in self.findings),
            "warnings": sum(finding.severity is Severity.WARNING for finding in self.findings),
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "path": finding.path,
                    "message": finding.message,
                }
                for finding in self.findings
            ],
            "files": self.files,
            "bytes": self.bytes,
            "fetched_files_not_looked_for": list(self.not_looked_for),
        }


def validate_bag(
    store: ObjectStore,
    prefix: str,
    profile: Profile,
    *,
    identity: BagId | None = None,
    concurrency: int = 8,
    alone_below: int = 0,
    lanes: Callable[[], Lanes | None] = lambda: None,
    planned: Callable[[int], None] = lambda _: None,
    read: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Judge the bag version in one folder.

    Files of ``fetch.txt`` are looked for in the folders of the other versions, where the folder is named ``vN`` and
    lies in the storage service's layout; elsewhere nobody looks for them, and the verdict says so.

    Args:
        store: where it lies.
        prefix: the folder: empty, or ending in ``/``.
        profile: by which rules.
        identity: which bag it should be, where that is known.
        concurrency: files read at the same time.
        alone_below: files with fewer bytes are read one after the other: on a disk, threads cost more than they gain.
        lanes: loads what hashes several files side by side, for a place where one thread can read several at once.
        planned: is told the bytes that will be read, and once more if some have to be read twice.
        read: is told the bytes of each chunk that was read, from several threads.

    Raises:
        NothingThere: nothing lies under the prefix.
        ObjectsArchived: some objects must be thawed before they can be read.
        StoreError: a file could not be read, so there is no verdict.
    """
    listing = list_folder(store, prefix)
    if not listing:
        raise NothingThere(prefix)
    require_readable(store, listing)
    tag_files = {name: read_tag_file(store, listing[name]) for name in tag_files_to_read(listing)}
    fetched = find_fetched(store, prefix, tag_files, listing.table) if profile is Profile.STORAGE_SERVICE else None
    # The rules digest tag files themselves.
    to_read = FilesToRead(listing, frozenset(tag_files), fetched)
    planned(to_read.bytes)
    observed = read_digests(
        store,
        to_read,
        declared_algorithms(listing),
        concurrency=concurrency,
        alone_below=alone_below,
        lanes=lanes,
        read=read,
    )
    contents = BagContents(
        listing=listing.sizes,
        tag_files=tag_files,
        observed=observed.digests,
        fetched_sizes=fetched.sizes if fetched and fetched.looked else None,
        identity=identity,
    )
    findings = check(contents, profile)
    if doubted := doubted_files(findings, observed):
        again = FilesToRead(listing, frozenset(tag_files), fetched, only=doubted)
        planned(to_read.bytes + again.bytes)
        if look_again(store, again, observed.digests, concurrency=concurrency, read=read):
            findings = check(contents, profile)
    return Verdict(
        profile=profile,
        findings=tuple(findings),
        files=len(tag_files) + to_read.files,
        bytes=sum(listing.sizes[name] for name in tag_files) + to_read.bytes,
        not_looked_for=() if fetched is None or fetched.looked else fetched.names,
    )
