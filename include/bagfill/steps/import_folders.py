"""Finds the folders of bag versions in a listing, one after the other, without keeping the listing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.steps.listings import VersionListing
from bagfill.storage.store import ObjectInfo

_VERSION = re.compile(r"v[1-9][0-9]*", re.ASCII)
_REPORT_EVERY = 1000
_STRAYS_SHOWN = 20


@dataclass(frozen=True)
class VersionFolder:
    """A folder that may be a bag version.

    Args:
        name: ``{space}/{external identifier}/v{N}`` as it stands in the keys.
        prefix: the folder's prefix in its store, ending in ``/``.
        objects: what is in it, by path in the folder.
    """

    name: str
    prefix: str
    objects: VersionListing = field(repr=False)

    @property
    def is_bag(self) -> bool:
        """Whether it declares itself a bag."""
        return DECLARATION_FILE in self.objects


class VersionFolders:
    """The version folders of a listing in key order, which keeps each folder's objects together.

    The first segment ``vN`` after space and identifier ends a version folder's name: external identifiers contain none
    (storage service, ExternalIdentifier.scala), and one further down belongs to the payload.

    Args:
        objects: every object, ascending by key.
        prefix: of the location: what stands before the space.
        listed: is told the number of objects now and then.
    """

    def __init__(
        self, objects: Iterable[ObjectInfo], prefix: str, *, listed: Callable[[int], None] | None = None
    ) -> None:
        self._objects = objects
        self._prefix = prefix
        self._listed = listed
        self.stray_count = 0
        self.strays: list[str] = []
        """The first few keys that are in no version folder; ``stray_count`` counts them all."""

    def __iter__(self) -> Iterator[VersionFolder]:
        folder: VersionFolder | None = None
        count = 0
        for count, info in enumerate(self._objects, start=1):
            if self._listed is not None and count % _REPORT_EVERY == 0:
                self._listed(count)
            if folder is None or not info.key.startswith(folder.prefix):
                if folder is not None:
                    yield folder
                folder = self._folder_of(info.key)
            if folder is None:
                self._note_stray(info.key)
            else:
                folder.objects.add(info)
        if folder is not None:
            yield folder
        if self._listed is not None:
            self._listed(count)

    def _folder_of(self, key: str) -> VersionFolder | None:
        segments = key.removeprefix(self._prefix).split("/")
        for index, segment in enumerate(segments[:-1]):
            if index >= 2 and _VERSION.fullmatch(segment):
                name = "/".join(segments[: index + 1])
                prefix = f"{self._prefix}{name}/"
                return VersionFolder(name, prefix, VersionListing(prefix))
        return None

    def _note_stray(self, key: str) -> None:
        self.stray_count += 1
        if len(self.strays) < _STRAYS_SHOWN:
            self.strays.append(key)
