"""What a copied object leaves in the results of its shard, and what the rows of a shard come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bagfill.transfer.outcomes import Copied, CopyOutcome, Staged


@dataclass(frozen=True, slots=True)
class ShardCopied:
    """What one copy shard came to, in numbers.

    Args:
        files, bytes: all of them.
        already_there: files that were compared instead of written.
        fetched: files (or ranges of one) that the providers copied by themselves.
        not_fetched: reason → files that passed through the worker although a provider should have fetched them.
    """

    files: int
    bytes: int
    already_there: int
    fetched: int = 0
    not_fetched: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def text(self) -> str:
        """For the ingest's event."""
        parts = [f"{self.files} files, {self.bytes} bytes"]
        if self.fetched or self.not_fetched:
            parts.append(f"{self.fetched} copied by the providers themselves")
        parts += [f"{count} not fetched ({reason})" for reason, count in sorted(self.not_fetched.items())]
        return "; ".join(parts)


def answer_of(outcome: Copied | Staged) -> Mapping[str, Any]:
    """What was read and answered: for the receipt, and for a read-back that differs."""
    return {
        "digests": outcome.digests.to_json(),
        "etag": outcome.etag,
        "versionId": outcome.version_id,
        "requestId": outcome.request_id,
        "crc64": None if outcome.crc is None else outcome.crc.s3,
        "transit": None if outcome.transit is None else outcome.transit.check.value,
    }


def way_of(outcome: CopyOutcome) -> Mapping[str, Any]:
    """Who moved the bytes, where a provider could have; nothing for what passes through the worker anyway."""
    match outcome:
        case Copied() | Staged() if outcome.not_fetched is not None:
            refused = outcome.not_fetched
            return {"notFetched": {"reason": refused.refusal.value, "detail": refused.detail}}
        case Copied() | Staged() if outcome.fetched:
            crc = None if outcome.transit is None else outcome.transit.source_crc
            return {"fetched": True, "sourceCrc64": None if crc is None else crc.s3}
        case _:
            return {}


def counts_of(rows: Sequence[Mapping[str, Any]]) -> ShardCopied:
    """What the rows of a shard come to."""
    return ShardCopied(
        files=len(rows),
        bytes=sum(row["size"] for row in rows),
        already_there=sum(row["outcome"] == "already-there" for row in rows),
        fetched=sum("fetched" in row for row in rows),
        not_fetched=dict(Counter(row["notFetched"]["reason"] for row in rows if "notFetched" in row)),
    )
