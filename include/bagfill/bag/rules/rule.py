"""What a rule is."""

from __future__ import annotations

import re
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
        waivable: whether a person may let a known bag version through that breaks it. Never a rule about fixity,
            missing files, the identity of the bag, or paths that lead out of it.
    """

    code: str
    clause: str
    severities: Mapping[Profile, Severity]
    find: Callable[[ParsedBag], Iterable[Fault]]
    fold: Callable[[Sequence[str]], str] | None = None
    waivable: bool = False

    @property
    def is_the_services(self) -> bool:
        """Whether the storage service checks it too, and so never registered a bag that breaks it."""
        return _SERVICE_CHECK.search(self.clause) is not None


_SERVICE_CHECK = re.compile(r"\bV[0-9]+\b", re.ASCII)

BOTH = {Profile.BAGIT: Severity.ERROR, Profile.STORAGE_SERVICE: Severity.ERROR}
SERVICE_ONLY = {Profile.STORAGE_SERVICE: Severity.ERROR}
SERVICE_BAGIT_WARNS = {Profile.BAGIT: Severity.WARNING, Profile.STORAGE_SERVICE: Severity.ERROR}
WARNS = {Profile.BAGIT: Severity.WARNING, Profile.STORAGE_SERVICE: Severity.WARNING}
BAGIT_WARNS = {Profile.BAGIT: Severity.WARNING}


def each(paths: Iterable[str], text: Callable[[Sequence[str]], str]) -> list[Fault]:
    """A breach for each of some files, with the text for that one file."""
    return [Fault(path, text([path])) for path in paths]
