"""Rows of the service's manifests table, in every spelling that is stored, and the table as we need it.

Source: the service's ``DynamoStorageManifestDao``: hash key ``id`` (space/external identifier), range key ``version``,
``payload`` points to the JSON: ``{bucket, key}`` today, ``{namespace, path}`` before, below ``typedStoreId`` in 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, ExternalIdentifier, InvalidIdentifier, Space

_SPELLINGS = (("bucket", "key"), ("namespace", "path"))
_WRAPPER = "typedStoreId"

Item = Mapping[str, Any]
"""An item of DynamoDB, in plain values."""


class RowFormatError(ValueError):
    """A row is in none of the spellings that are known. Not retryable."""

    retryable = False


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row.

    Args:
        bag_version: whose manifest.
        bucket, key: where its JSON is.
        payload: as it is stored; the condition of a change, and the pattern of its spelling.
    """

    bag_version: BagVersionId
    bucket: str
    key: str
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, item: Item) -> ManifestRow:
        """Read an item. Raises RowFormatError."""
        name, payload = item.get("id"), item.get("payload")
        space, slash, identifier = str(name).partition("/")
        try:
            if not slash:
                raise RowFormatError(f"row {name!r}: its id is not space/external identifier")
            bag = BagId(Space.stored(space), ExternalIdentifier.stored(identifier))
            bag_version = BagVersionId(bag, BagVersion(int(item["version"])))
        except (InvalidIdentifier, KeyError, TypeError, ValueError) as error:
            raise RowFormatError(f"row {name!r} {item.get('version')!r}: {error}") from None
        places = {(inner[bucket], inner[key]) for inner, bucket, key in _pointers(payload)}
        if len(places) == 1 and isinstance(payload, Mapping):
            [(bucket, key)] = places
            return cls(bag_version, bucket, key, payload)
        found = "points to two places" if places else "is neither {bucket, key} nor {namespace, path}"
        raise RowFormatError(f"row {bag_version}: its payload {found}")

    @property
    def item_key(self) -> dict[str, Any]:
        """What names the row in the table."""
        return {"id": str(self.bag_version.bag), "version": self.bag_version.version.number}

    @property
    def pointer(self) -> str:
        """Bucket and key in one text, as our own rows have it."""
        return f"{self.bucket}/{self.key}"

    def payload_at(self, pointer: str) -> dict[str, Any]:
        """The payload that points elsewhere, in this row's own spelling; whatever else is in it stays."""
        bucket, _, key = pointer.partition("/")
        moved: dict[str, Any] = {}
        for inner, bucket_name, key_name in _pointers(self.payload):
            moved |= {**inner, **moved, bucket_name: bucket, key_name: key}
        return {**self.payload, _WRAPPER: moved} if _WRAPPER in self.payload else moved


def _pointers(payload: Any) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Each pair of names under which a payload points somewhere, with the object that has them."""
    inner = payload.get(_WRAPPER, payload) if isinstance(payload, Mapping) else None
    if isinstance(inner, Mapping):
        for bucket, key in _SPELLINGS:
            if isinstance(inner.get(bucket), str) and isinstance(inner.get(key), str):
                yield inner, bucket, key


class Table(Protocol):
    """A table of DynamoDB. Every call raises StoreError when it is not answered or refused."""

    def get(self, key: Item) -> Item | None:
        """One item, strongly consistent; ``None`` if there is none."""
        ...

    def of_hash(self, name: str, value: str) -> Sequence[Item]:
        """Every item of one hash key, strongly consistent."""
        ...

    def change(self, key: Item, values: Item, *, expected: Item) -> bool:
        """Set attributes, if and only if others are as expected; ``False``: they are not."""
        ...

    def page(self, segment: int, segments: int, after: str | None) -> tuple[Sequence[Item], str | None]:
        """A page of one segment of the table, and the cursor of the next page; ``None``: it was the last."""
        ...
