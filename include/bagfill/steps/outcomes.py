"""What steps hand back: values that a caller matches. One failure type serves all steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.reasons import Reason
from bagfill.registry.registry import Claim


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step could not do its work, and said so in the ingest's events.

    Args:
        reason: stable code; knows whether a retry can help.
        message: which bag version, file and location; what was expected, what was seen.
        problems: further single problems of the same kind, at most a few dozen.
        again: when another try may go better; ``None``: nobody knows. Timezone-aware.
    """

    reason: Reason
    message: str
    problems: tuple[str, ...] = ()
    again: datetime | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same step may succeed later without a person."""
        return self.reason.retryable

    @property
    def text(self) -> str:
        """The message with its advice, as a person reads it."""
        return f"{self.message} {self.reason.advice}"


@dataclass(frozen=True, slots=True)
class IngestRef:
    """What tasks hand to each other about one open ingest: small, and without secrets.

    Args:
        ingest_id: the ingest's UUID as text; also the holder of the claim.
        bag_version: ``space/external identifier/vN``.
        source, destination: names of locations.
        token: the claim's fencing token.
        thaw_tier: how fast archived objects are thawed.
        thaw_days: how long the thawed copies live.
        campaign: name of the campaign whose budget it spends; empty: it belongs to none.
    """

    ingest_id: str
    bag_version: str
    source: str
    destination: str
    token: int
    thaw_tier: str
    thaw_days: int
    campaign: str = ""

    @property
    def id(self) -> BagVersionId:
        """The bag version, read leniently (it comes from the registry)."""
        return BagVersionId.parse(self.bag_version, stored=True)

    def claim(self, like: Claim) -> bool:
        """Whether ``like`` is this ingest's own claim."""
        return like.holder == self.ingest_id and like.token == self.token

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, for XCom and the work area."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ShardRef:
    """One mapped task's share: a shard of an ingest."""

    ingest: IngestRef
    index: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"ingest": self.ingest.to_json(), "index": self.index}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(IngestRef.from_json(values["ingest"]), int(values["index"]))
