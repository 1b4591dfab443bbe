"""Ask for many objects by one job of S3 Batch Operations; what it could not do is asked for one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bagfill.storage.batch_jobs import restore_operation
from bagfill.storage.store import ThawAnswer, ThawTier
from bagfill.thaw.batch import BatchRunner
from bagfill.thaw.ledger import ThawKind, ThawRecord
from bagfill.thaw.sending import Sent, ThawSender

_MOST_TASKS = 1_000_000
"""Of one job. A manifest of so many keys stays within what one request writes."""
_LEASE = timedelta(days=2)


class BatchRequests:
    """See :class:`bagfill.thaw.sending.ThawSender`.

    Args:
        runner: runs jobs on the location's objects.
        single: asks one by one: for few objects, for a tier that jobs do not know, and for what a job could not do.
        above: number of objects above which a job asks.
    """

    def __init__(self, runner: BatchRunner, single: ThawSender, above: int) -> None:
        self._runner = runner
        self._single = single
        self._above = above

    @property
    def location(self) -> str:
        """The store's location."""
        return self._single.location

    @property
    def chunk_objects(self) -> int:
        """See :class:`ThawSender`."""
        return _MOST_TASKS

    @property
    def lease(self) -> timedelta:
        """A job may run for a day."""
        return _LEASE

    def send(self, chunk: str, storage_class: str, rows: Sequence[ThawRecord]) -> Iterator[Sent]:
        """See :meth:`ThawSender.send`."""
        one = rows[0]
        if len(rows) <= self._above or one.tier is ThawTier.EXPEDITED or one.kind is not ThawKind.ARCHIVED:
            yield from self._single.send(chunk, storage_class, rows)
            return
        operation = restore_operation(one.tier, one.days, tiering=storage_class == "INTELLIGENT_TIERING")
        # In the order of the keys: whoever tries this chunk again writes the same manifest.
        keys = sorted(row.key for row in rows)
        wanted, sent = set(keys), Sent()
        for result in self._runner.run(chunk, operation, keys):
            # A job that was found again may have had more to do.
            if result.key not in wanted:
                continue
            if result.succeeded:
                sent.answers[result.key] = ThawAnswer.REQUESTED
            elif result.code == "RestoreAlreadyInProgress":
                sent.answers[result.key] = ThawAnswer.ALREADY_IN_PROGRESS
        yield sent
        left = [row for row in rows if row.key not in sent.answers]
        if left:
            yield from self._single.send(chunk, storage_class, left)
