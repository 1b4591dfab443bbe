"""What a check is, whom it examines and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from bagfill.storage.location import Location
from bagfill.storage.probe import BucketFacts, Outcome, Probe, Seen

PROBE_FOLDER = "bagfill-probe/"
"""Where probes go that a location or an area says nothing about: keys that are asked for and never written."""


class Verdict(StrEnum):
    """How bad something is. The worst decides the exit code."""

    GOOD = "good"
    NOTE = "note"
    """To know; nothing to do. Or: cannot be asked for here, so somebody has to look."""
    ADVICE = "advice"
    """Works, and would be better otherwise."""
    MEND = "mend"
    """Does not work, or permits what must not be permitted."""
    UNKNOWN = "unknown"
    """Could not be found out."""


class Identity(StrEnum):
    """In which role a connection is examined."""

    READER = "reader"
    THAWER = "thawer"
    """Asks for thaws, where another identity than the reader does."""
    WRITER = "writer"
    AREA = "area"
    """Reads and creates small files of ours: storage manifests, receipts, the work area."""
    BATCH = "batch"
    """Creates jobs of S3 Batch Operations, whose manifests and reports lie in an area of ours."""
    SERVICE = "service"
    """Reads and changes the manifests of a storage service beside us."""
    INSPECTOR = "inspector"
    """Looks at how a bucket is set up, for this command alone."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a check says.

    Args:
        verdict: how bad it is.
        seen: what was tried and what came back.
        advice: what to do; empty: nothing.
    """

    verdict: Verdict
    seen: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis with its place.

    Args:
        code: of the check; does not change between releases.
        subject: name of the location, area or service.
        identity: the role that was examined; ``None``: the thing itself.
        connection: id of the connection whose rights these are; ``None``: the provider's default credentials.
        diagnosis: what was found.
    """

    code: str
    subject: str
    identity: Identity | None
    connection: str | None
    diagnosis: Diagnosis

    def to_json(self) -> Mapping[str, str | None]:
        """One element of ``--json``."""
        return {
            "code": self.code,
            "subject": self.subject,
            "identity": self.identity,
            "connection": self.connection,
            "verdict": self.diagnosis.verdict.value,
            "seen": self.diagnosis.seen,
            "advice": self.diagnosis.advice,
        }


@dataclass
class Patient:
    """One identity at one location, and what is known of it by now.

    Args:
        location: what is examined; an area is one too.
        identity: in which role.
        connection: id of the connection.
        probe: makes the calls.
        now: this machine's clock.
        entrance: the first call, which tells whether anybody is there at all.
        listed: one object of the location, listed.
        facts: how the bucket is set up; ``None``: another identity asks for that.
        remains: what this examination left behind; it never deletes.
    """

    location: Location
    identity: Identity
    connection: str | None
    probe: Probe
    now: Callable[[], datetime]
    entrance: Seen
    listed: Seen | None = None
    facts: BucketFacts | None = None
    remains: list[str] = field(default_factory=list)
    _made: tuple[str, Seen] | None = None

    @property
    def key(self) -> str | None:
        """An object that is there; ``None``: the location is empty, or cannot be listed."""
        return self.listed.data.get("key") if self.listed is not None else None

    @property
    def may_write_probes(self) -> bool:
        """Whether a probe prefix is declared. An area is ours as a whole."""
        return self.location.probe_prefix is not None or self.identity in {Identity.AREA, Identity.BATCH}

    @property
    def is_open(self) -> bool:
        """Whether the identity got in at all."""
        return self.entrance.outcome in {Outcome.DONE, Outcome.REFUSED}

    @property
    def probe_prefix(self) -> str:
        """Where the keys of this examination are: as declared, else beside the bags and never written."""
        declared = self.location.probe_prefix
        return self.location.prefix + PROBE_FOLDER if declared is None else declared

    def absent_key(self) -> str:
        """A key that names nothing."""
        return f"{self.probe_prefix}{uuid4()}"

    def probe_object(self) -> tuple[str, Seen]:
        """An object that this examination makes, once; and how that went."""
        if self._made is None:
            key = self.absent_key()
            self._made = (key, self.created(key))
        return self._made

    def created(self, key: str, *, damaged: bool = False) -> Seen:
        """Create an object below the probe prefix; what was written is among the remains."""
        if not self.may_write_probes:
            message = f"location {self.location.name!r} has no probe prefix: nothing may be written there"
            raise ValueError(message)
        seen = self.probe.create(key, b"Written by bagfill doctor. May be deleted.\n", damaged=damaged)
        if seen.outcome in {Outcome.DONE, Outcome.NO_ANSWER}:
            self.left(key)
        return seen

    def left(self, what: str) -> None:
        """Note something that stays behind."""
        if what not in self.remains:
            self.remains.append(what)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is tried.

    Args:
        code: stable name.
        identities: whom it is about.
        look: tries it; yields nothing where it does not apply.
        entrance: whether it is asked although the identity did not get in.
    """

    code: str
    identities: frozenset[Identity]
    look: Callable[[Patient], Iterator[Diagnosis]]
    entrance: bool = False


EVERYBODY = frozenset(Identity)
STAGERS = frozenset({Identity.WRITER, Identity.AREA, Identity.SERVICE})
WRITERS = STAGERS | {Identity.BATCH}

LOOKERS = frozenset({Identity.READER, Identity.THAWER}) | WRITERS


def good(seen: object) -> Diagnosis:
    """All right."""
    return Diagnosis(Verdict.GOOD, str(seen))


def unclear(seen: Seen, place: str = "") -> Diagnosis:
    """An answer that says neither yes nor no. ``place``: what was asked, where the subject does not say it."""
    text = f"{place}: {seen}" if place else str(seen)
    return Diagnosis(Verdict.UNKNOWN, text, "Run the command again; if it stays so, ask who runs the service.")
