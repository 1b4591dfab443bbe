"""What ``bagfill doctor`` asks a provider: single calls whose refusal is an answer, not an error.

A store turns a refusal into an exception and tries again; a probe says what it saw, once. Nothing here can write into
the folder of a bag: what writes takes a key below a probe prefix, and what must be refused names what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What an answer means, decided by error code and HTTP status."""

    DONE = "done"
    ABSENT = "absent"
    """No such object: so the call was permitted."""
    REFUSED = "refused"
    """Known identity, missing permission."""
    PRECONDITION = "precondition"
    """Permitted, and refused because of what is, or is not, there."""
    CHECKSUM = "checksum"
    """Permitted, and refused because the bytes do not match their checksum."""
    UNAUTHENTICATED = "unauthenticated"
    CLOCK = "clock"
    """The request's time is too far from the provider's."""
    NO_BUCKET = "no bucket"
    OTHER_REGION = "other region"
    UNSET = "unset"
    """The configuration that was asked for does not exist."""
    IMMUTABLE = "immutable"
    """A legal hold or a retention policy forbids it."""
    ARCHIVED = "archived"
    UNSUPPORTED = "unsupported"
    NO_ANSWER = "no answer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call came to.

    Args:
        call: the provider's own name of the call, as its policies name it where they do.
        outcome: what the answer means.
        status: HTTP status; 0: no answer.
        code: the provider's error code, or the class of what prevented an answer; never its text.
        headers: names in lower case.
        data: what was parsed out of the answer.
    """

    call: str
    outcome: Outcome
    status: int = 0
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def permitted(self) -> bool:
        """Whether the identity may do this, whatever came of it."""
        return self.outcome in _PERMITTED

    @property
    def date(self) -> datetime | None:
        """The server's clock."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None

    def __str__(self) -> str:
        # Of a HEAD the code is the status again.
        code = "" if self.code == str(self.status) else self.code
        answer = " ".join(part for part in (f"HTTP {self.status}" if self.status else "no answer", code) if part)
        return f"{self.call}: {answer}"


def one_of(found: Sequence[tuple[str, bool]], avoiding: str | None) -> Mapping[str, Any]:
    """What a listing tells: of ``(key, archived)`` the first that is not ours, else the first."""
    others = (pair for pair in found if avoiding is None or not pair[0].startswith(avoiding))
    chosen = next(others, next(iter(found), None))
    return {} if chosen is None else {"key": chosen[0], "archived": chosen[1]}


_PERMITTED = {Outcome.DONE, Outcome.ABSENT, Outcome.PRECONDITION, Outcome.CHECKSUM, Outcome.UNSET, Outcome.ARCHIVED}


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule that does something to objects by itself.

    Args:
        name: its id.
        prefix: of the keys it touches.
        moves_after_days: age at which it moves them into an archive; ``None``: it does not.
        moves_to: the class it moves them to.
        deletes: what it deletes, in words; empty: nothing.
        drops_uploads: whether it drops staged blocks that nobody committed.
    """

    name: str
    prefix: str
    moves_after_days: int | None = None
    moves_to: str = ""
    deletes: str = ""
    drops_uploads: bool = False


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """What a bucket or container is set to. ``None``: could not be found out, and ``unknown`` says why.

    Args:
        versioned: whether replaced and deleted objects are kept.
        lifecycle: the rules that are on.
        locked: object lock or an immutability policy, in words; empty: none.
        legal_hold: whether one holds the bucket, or the object that was looked at.
        public: whether strangers may read or list.
        unknown: the call that was refused, by name of the fact.
    """

    versioned: bool | None = None
    lifecycle: Sequence[LifecycleRule] | None = None
    locked: str | None = None
    legal_hold: bool | None = None
    public: bool | None = None
    unknown: Mapping[str, Seen] = field(default_factory=dict)


class Probe(Protocol):
    """One bucket or container, for one identity. No call raises for what a provider answers."""

    @property
    def endpoint(self) -> str:
        """Scheme, host and port that are asked."""
        ...

    @property
    def region(self) -> str | None:
        """The region that requests are signed for; ``None`` where there is none."""
        ...

    @property
    def can_forbid_overwrites(self) -> bool:
        """Whether the provider has policies that permit to create and forbid to overwrite, blocks included."""
        ...

    def bucket(self) -> Seen:
        """Ask for the bucket itself. ``data["region"]`` is where it is, if the provider says so."""
        ...

    def list(self, prefix: str, avoiding: str | None = None) -> Seen:
        """List objects once; ``data["key"]`` is one's key, ``data["archived"]`` whether its class is an archive.

        Args:
            prefix: of the location.
            avoiding: prefix of keys that are ours: another is taken if the page has one.
        """
        ...

    def stat(self, key: str) -> Seen:
        """Ask for an object's state."""
        ...

    def read(self, key: str) -> Seen:
        """Read an object's first byte."""
        ...

    def create(self, key: str, data: bytes, *, conditional: bool = True, damaged: bool = False) -> Seen:
        """Create an object of a probe prefix.

        Args:
            key: below a probe prefix.
            data: what to write.
            conditional: only if nothing is there.
            damaged: with the checksum of other bytes, so that nothing is written by a server that compares.
        """
        ...

    def stage(self, key: str) -> Sequence[Seen]:
        """Stage one block of an object and drop it where the provider can; each call that was made."""
        ...

    def overwrite(self, key: str) -> Seen:
        """Write over an object of ours, in a way that fails whatever the permissions are."""
        ...

    def delete(self, key: str, *, may_mark: bool) -> Sequence[Seen]:
        """Delete an object that is not there, in every way the provider knows that leaves nothing.

        Args:
            key: names no object, and never did.
            may_mark: also in the way that leaves a delete marker, an empty entry in the history of the key.
        """
        ...

    def thaw(self, key: str) -> Seen:
        """Ask for a thaw of an object that is not there: nothing is paid."""
        ...

    def anonymous(self) -> Seen:
        """List without any identity."""
        ...

    def facts(self, key: str | None) -> BucketFacts:
        """How the bucket is set up; a hold is looked for at ``key`` too."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
