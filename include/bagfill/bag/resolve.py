"""Which file each path of a manifest means: manifests are written in more ways than one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass

from bagfill.bag.paths import BagPath, InvalidBagPath, nfc


def resolve_paths(paths: Collection[BagPath], names: Collection[str]) -> Mapping[BagPath, BagPath]:
    """Find the file each path of a manifest means, among those that are there.

    A whole manifest is written one way, so a reading under which every path is there wins as a whole; only when
    there is none is each path looked up by itself. Readings, in this order: literally; percent-decoded; without the
    asterisk that ``md5sum --binary`` writes before a name; both. What is not there under any of them is looked for in
    another Unicode normalisation (RFC 8493, section 6.1.1).

    Args:
        paths: of one manifest; read several times.
        names: the files that are there, or are known to be elsewhere (fetched files).

    Returns:
        Path in the manifest → name of the file, found when it is asked for. A path that is not there under any reading
        is left as it is.
    """
    readings = (_literal, _percent_decoded, _without_asterisk, _without_asterisk_decoded)
    for reading in readings:
        if all((name := reading(path)) is not None and name in names for path in paths):
            return _Resolved(paths, reading)
    altered: list[dict[str, list[str]]] = []

    def there(path: BagPath) -> BagPath | None:
        found = (reading(path) for reading in readings)
        return next((name for name in found if name is not None and name in names), None)

    def meant(path: BagPath) -> BagPath:
        name = there(path)
        if name is not None:
            return name
        if not altered:
            wanted = {form for each in paths if there(each) is None for form in _forms(each)}
            altered.append(_altered(names, wanted))
        for form in _forms(path):
            same = altered[0].get(form, []) + ([form] if form in names else [])
            # Where two names look alike, nobody can say which is meant.
            if len(same) == 1:
                return BagPath(same[0])
        return path

    return _Resolved(paths, meant)


@dataclass(frozen=True, eq=False)
class _Resolved(Mapping[BagPath, BagPath]):
    paths: Collection[BagPath]
    meant: Callable[[BagPath], BagPath | None]

    def __getitem__(self, path: BagPath) -> BagPath:
        return self.meant(path) or path

    def __iter__(self) -> Iterator[BagPath]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def _forms(path: BagPath) -> tuple[str, str]:
    """What a name that looks like a path has for a normal form."""
    return nfc(path), nfc(path.decoded())


def _altered(names: Collection[str], wanted: Container[str]) -> dict[str, list[str]]:
    """The names that are not in normal form themselves, by their normal form, if that is wanted."""
    found: dict[str, list[str]] = {}
    for name in names:
        form = nfc(name)
        if form != name and form in wanted:
            found.setdefault(form, []).append(name)
    return found


def _literal(path: BagPath) -> BagPath | None:
    return path


def _percent_decoded(path: BagPath) -> BagPath | None:
    return path.decoded()


def _without_asterisk(path: BagPath) -> BagPath | None:
    try:
        return BagPath.from_manifest(path.removeprefix("*"))
    except InvalidBagPath:
        return None


def _without_asterisk_decoded(path: BagPath) -> BagPath | None:
    bare = _without_asterisk(path)
    return None if bare is None else bare.decoded()
