"""The concrete files of a storage manifest by number, read from its text once: what the registry says of a folder."""

from __future__ import annotations

from collections.abc import Mapping

from bagfill.bag.columns import DigestSets, Sizes
from bagfill.bag.path_table import PathTable
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.manifest.model import ManifestFile, StorageManifest


class RegisteredFiles:
    """Sizes and digests of the files in a version's own folder, and the sizes of its fetched files.

    Args:
        manifest: of the version; its text is read to the end.
        table: numbers of the paths; shared with whoever else knows these files.

    Attributes:
        sizes: by path in the version's folder.
        digests: under the numbers of these paths.
        elsewhere: size of each fetched file, by its name in the bag.
        at_root: the files that lie in no folder, by path: tag files.
    """

    def __init__(self, manifest: StorageManifest, table: PathTable) -> None:
        self.table = table
        self.sizes = Sizes(table)
        self.digests = DigestColumn(manifest.algorithm)
        self._others: dict[int, DigestSet] = {}
        self.elsewhere = Sizes(table)
        self.at_root: dict[str, ManifestFile] = {}
        self._names: dict[int, str] = {}
        own = f"{manifest.id.version}/"
        for file in manifest.files:
            if not file.path.startswith(own):
                self.elsewhere.set(table.add(file.name), file.size)
                continue
            path = file.path[len(own) :]
            number = table.add(path)
            self.sizes.set(number, file.size)
            if file.digest.algorithm is self.digests.algorithm:
                self.digests.set(number, file.digest.text)
            else:
                # Payload and tag files by two algorithms: few, then.
                self._others[number] = DigestSet([file.digest])
            if file.name != path:
                self._names[number] = file.name
            if "/" not in path:
                self.at_root[path] = file

    def digest_set(self, number: int) -> DigestSet:
        """What the storage manifest says of the file of a number."""
        digest = self.digests.get(number)
        return DigestSet([digest]) if digest is not None else self._others.get(number, DigestSet())

    def name(self, number: int) -> str:
        """The name in the bag of the file of a number: its path, but where a later version renamed it."""
        return self._names.get(number) or self.table.path(number)

    @property
    def has_own_names(self) -> bool:
        """Whether a file is called otherwise than its path."""
        return bool(self._names)


class ExpectedDigests:
    """What the storage manifest and all manifests of the bag say of each concrete file.

    Args:
        registered: by the storage manifest.
        declared: by the bag's manifests, by name in the bag; ``None``: they were not read.
    """

    def __init__(self, registered: RegisteredFiles, declared: Mapping[str, DigestSet] | None) -> None:
        self._registered = registered
        self._declared = declared
        self._by_number = (
            declared
            if isinstance(declared, DigestSets) and declared.table is registered.table and not registered.has_own_names
            else None
        )

    def of(self, path: str) -> DigestSet:
        """Of the file of a path; an empty set if it is none of the files."""
        number = self._registered.table.number(path)
        return DigestSet() if number is None else self.at(number)

    def at(self, number: int) -> DigestSet:
        """Of the file of a number. The two accounts were compared before."""
        registered = self._registered.digest_set(number)
        if self._by_number is not None:
            declared = self._by_number.at(number)
        elif self._declared is not None:
            declared = self._declared.get(self._registered.name(number), DigestSet())
        else:
            return registered
        if registered.algorithms <= declared.algorithms:
            return declared
        return DigestSet({**declared, **registered}.values())
