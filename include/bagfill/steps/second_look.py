"""Before a digest from lanes makes a finding, ``hashlib`` computes it again: a fault of ours is no fault of the bag."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from bagfill.bag.columns import DigestSets
from bagfill.bag.rules.file_checksum import RULE as FILE_CHECKSUM
from bagfill.bag.rules.finding import Finding
from bagfill.steps.folder_digests import FilesToRead, Observed, read_digests
from bagfill.storage.store import ObjectStore

logger = logging.getLogger(__name__)


def doubted_files(findings: Iterable[Finding], observed: Observed) -> Collection[int]:
    """Numbers of the files that have a finding because of a digest from lanes."""
    numbers = {observed.digests.table.number(find.path) for find in findings if find.code == FILE_CHECKSUM.code}
    return {number for number in numbers if number is not None and observed.side_by_side.has(number)}


def look_again(
    store: ObjectStore,
    files: FilesToRead,
    digests: DigestSets,
    *,
    concurrency: int,
    read: Callable[[int], None] = lambda _: None,
) -> bool:
    """Read doubted files once more, with ``hashlib``, and put right what was wrong of their digests.

    Args:
        store: where they are.
        files: the doubted ones.
        digests: of all files; changed in place.
        concurrency: files read at the same time.
        read: is told the bytes of each chunk that was read, from several threads.

    Returns:
        Whether any digest was wrong. That is logged as a warning: either the lanes compute wrongly, or the file was
        read wrongly once.

    Raises:
        StoreError: a file could not be read, or has another length than was listed.
    """
    algorithms = [column.algorithm for column in digests.columns]
    again = read_digests(store, files, algorithms, concurrency=concurrency, read=read).digests
    wrong = False
    for file in files.each():
        right = again.at(file.number)
        for mismatch in right.mismatches(digests.at(file.number)):
            wrong = True
            logger.warning(
                "%s: a first look, in lanes, saw %s, a second look with hashlib %s, which holds",
                digests.table.path(file.number),
                mismatch.found,
                mismatch.expected,
            )
        for column in digests.columns:
            column.set(file.number, right[column.algorithm].hex)
    return wrong
