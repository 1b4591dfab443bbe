"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bagfill.bag.rules.finding import Profile, Severity
from bagfill.bag.rules.parsed_bag import ParsedBag


class Fault(NamedTuple):
    """One breach of a rule: the file it is about, or nothing for the whole bag, and the message."""

    path: str
    message: str


@dataclass(frozen=True)
class Rule:
    """A rule of a bag.

    Args:
        code: stable; other programs rely on it.
        clause: where it is written down.
        severities: what a breach means in each profile that has the rule.
        find: its breaches.
        fold: the storage service's one text for breaches by several files, where it has one; rules that share the
            function share the text.
    """

    code: str
    clause: str
    severities: Mapping[Profile, Severity]
    find: Callable[[ParsedBag], Iterable[Fault]]
    fold: Callable[[Sequence[str]], str] | None = None


BOTH = {Profile.BAGIT: Severity.ERROR, Profile.STORAGE_SERVICE: Severity.ERROR}
SERVICE_ONLY = {Profile.STORAGE_SERVICE: Severity.ERROR}
BAGIT_ONLY = {Profile.BAGIT: Severity.ERROR}
SERVICE_BAGIT_WARNS = {Profile.BAGIT: Severity.WARNING, Profile.STORAGE_SERVICE: Severity.ERROR}


def each(paths: Iterable[str], text: Callable[[Sequence[str]], str]) -> list[Fault]:
    """A breach for each of some files, with the text for that one file."""
    return [Fault(path, text([path])) for path in paths]
