"""Which of the names of one bag version a destination would change, merge or refuse; found before a byte moves.

A provider's own rules are in :mod:`bagfill.storage.names`. File systems differ further, and cannot be asked: whether
they tell letter cases apart, and whether they keep a name's Unicode form, is said in the settings of the location.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from bagfill.bag.alike import alike_groups
from bagfill.storage.names import NameRules


class NamesHeld(StrEnum):
    """Which names a place holds apart."""

    EXACT = "exact"
    """Every name as it is: object stores, most Linux file systems."""
    CASE_INSENSITIVE = "case-insensitive"
    """``A.txt`` and ``a.txt`` are one file: NTFS, exFAT, many network shares."""
    NFC = "nfc"
    """A name is kept in another Unicode form than it was given in (HFS+), or found under each of its forms."""
    CASE_INSENSITIVE_NFC = "case-insensitive-nfc"
    """Both: APFS and HFS+ as they are usually set up."""

    def identity(self, name: str) -> str:
        """What two names that the place takes for one have in common.

        By full case folding, which merges a little more than any file system does (``ß`` and ``ss``): better a bag that
        is refused than a file that is lost.
        """
        if self in {NamesHeld.NFC, NamesHeld.CASE_INSENSITIVE_NFC}:
            name = unicodedata.normalize("NFC", name)
        if self in {NamesHeld.CASE_INSENSITIVE, NamesHeld.CASE_INSENSITIVE_NFC}:
            name = name.casefold()
            if self is NamesHeld.CASE_INSENSITIVE_NFC:
                name = unicodedata.normalize("NFC", name)
        return name

    def keeps(self, name: str) -> bool:
        """Whether a name comes back in a listing as it was given."""
        return self in {NamesHeld.EXACT, NamesHeld.CASE_INSENSITIVE} or unicodedata.is_normalized("NFC", name)


def name_problems(rules: NameRules, held: NamesHeld, prefix: str, paths: Collection[str]) -> list[str]:
    """What is wrong with the names of one bag version at a destination, one sentence each, in order of the paths.

    Args:
        rules: of the destination's store.
        held: as its settings say.
        prefix: of the version's folder there, ending in ``/``.
        paths: of every file in the folder; a million of them are looked at without being kept.
    """
    problems = [*sorted(_refused(rules, held, prefix, paths)), *_merged(rules, held, prefix, paths)]
    if rules.folders_are_names:
        problems += sorted(_files_and_folders(held, paths))
    return [text for _, text in problems]


def _refused(rules: NameRules, held: NamesHeld, prefix: str, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        problem = rules.check(f"{prefix}{path}")
        if problem is not None:
            stored = rules.stored_as(f"{prefix}{path}")
            changed = "" if stored == f"{prefix}{path}" else f"; it would be kept as {stored!r}"
            yield path, f"{path}: {problem.message}{changed}"
        elif not held.keeps(path):
            text = "NAME-CHANGED: the destination keeps names in Unicode form NFC, and this one is in another"
            yield path, f"{path}: {text}"


def _merged(rules: NameRules, held: NamesHeld, prefix: str, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    for first, *others in alike_groups(paths, lambda path: held.identity(rules.stored_as(f"{prefix}{path}"))):
        names = ", ".join(map(repr, others))
        yield first, f"{first}: NAME-MERGED: the destination takes it for the same name as {names}"


def _files_and_folders(held: NamesHeld, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        # A folder that is known has known folders above it.
        while folder and (identity := held.identity(folder)) not in folders:
            folders.add(identity)
            folder = folder.rpartition("/")[0]
    blocking = {held.identity(path): path for path in paths if held.identity(path) in folders}
    if not blocking:
        return
    beside: dict[str, str] = {}
    for path in paths:
        for end in (place for place, character in enumerate(path) if character == "/"):
            identity = held.identity(path[:end])
            if identity in blocking:
                beside[identity] = min(path, beside.get(identity, path))
    for identity, path in beside.items():
        yield path, f"{blocking[identity]}: NAME-IS-A-FOLDER: the destination cannot hold it beside {path!r}"
