"""A digest: what changed since somebody was told, and what needs a person. Pure.

Whatever can be told is a *thing* with a key and a value. A channel that was told a thing's value is not told it again;
a value that changed is news. So a failure of a million bags is one line, and it is told again only when there are more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bagfill.reports.standing import Standing

_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that can be told.

    Args:
        key: which.
        value: how it stands; another value is news.
        text: in one line.
        needs_person: whether somebody has to do something.
    """

    key: str
    value: str
    text: str
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """What one channel is to be told.

    Args:
        needs: what needs a person, and is news.
        changed: what else changed.
        told: values by key, for the ledger: everything that stands now.
    """

    needs: tuple[Thing, ...]
    changed: tuple[Thing, ...]
    told: Mapping[str, str]

    @property
    def is_news(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.needs or self.changed)

    @property
    def subject(self) -> str:
        """One line."""
        needs = f"{_count(len(self.needs), 'thing')} {_verb(len(self.needs))} a person"
        return f"Bagfill: {needs}, {len(self.changed):,} changed"

    def text(self) -> str:
        """Plain text; identifiers stand in it as they are, and no line is longer than one thing."""
        return "\n".join(_lines(self))


def things_of(standing: Standing) -> Iterator[Thing]:
    """Everything that can be told of a standing."""
    for failure in standing.failures:
        yield Thing(
            f"failure {failure.reason} {failure.destination}",
            str(failure.bags),
            f"{_count(failure.bags, 'bag')} not at {failure.destination}: {failure.reason}. {failure.advice} "
            f"For {failure.example}: {failure.command}",
            needs_person=True,
        )
    for campaign in standing.campaigns:
        late = ", late" if campaign.late else ""
        spent = f"{campaign.booked} {campaign.currency}" + ("" if campaign.cap is None else f" of {campaign.cap}")
        yield Thing(
            f"campaign {campaign.name}",
            f"{campaign.state}{late}",
            f"campaign {campaign.name} is {campaign.state}{late}: {campaign.why or 'nothing was said'}; booked {spent}",
            needs_person=campaign.late or campaign.state in {"awaiting approval", "stopped at cap"},
        )
    for audit in standing.audits:
        yield Thing(
            f"audit {audit.location}",
            "overdue" if audit.overdue else "in time",
            f"audits at {audit.location}: {audit.overdue:,} of {audit.replicas:,} replicas are overdue",
            needs_person=audit.overdue > 0,
        )
    for line in standing.coverage.lines:
        if line.wanted:
            row = line.row
            yield Thing(
                f"coverage {row.space} {row.location}",
                f"{row.present_bag_versions}/{row.bag_versions}",
                f"{row.space} at {row.location}: {row.present_bag_versions:,} of {row.bag_versions:,} bag versions",
            )


def digest_of(things: Iterable[Thing], told: Mapping[str, str]) -> Digest:
    """What is news to a channel.

    Args:
        things: everything, as it stands.
        told: what the channel was told, values by key.
    """
    everything = list(things)
    news = [thing for thing in everything if told.get(thing.key) != thing.value and not _is_quiet(thing, told)]
    return Digest(
        needs=tuple(thing for thing in news if thing.needs_person),
        changed=tuple(thing for thing in news if not thing.needs_person),
        told={thing.key: thing.value for thing in everything},
    )


def _is_quiet(thing: Thing, told: Mapping[str, str]) -> bool:
    """No news although nobody was told: that all is well from the start; that fewer bags fail than before."""
    before = told.get(thing.key)
    if before is None:
        return thing.key.startswith("audit ") and not thing.needs_person
    return thing.key.startswith("failure ") and int(thing.value) < int(before)


def _lines(digest: Digest) -> Iterator[str]:
    for title, things in (("Needs a person", digest.needs), ("Changed", digest.changed)):
        if things:
            yield title
            yield "-" * len(title)
            for thing in things[:_MOST_LINES]:
                yield f"* {' '.join(thing.text.split())}"
            if len(things) > _MOST_LINES:
                yield f"… and {len(things) - _MOST_LINES} more, in the report"
            yield ""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _verb(number: int) -> str:
    return "needs" if number == 1 else "need"
