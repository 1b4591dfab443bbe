"""Parcels on their way from the sweep that packed them to the tasks that work through them: records in the work area.

A shipment's id follows from what is in it, so that two sweeps which find the same write it once. ``shipment.jsonl`` is
written last: without it, nobody was told of the parcels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from bagfill.planning.parcels import Parcel
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import RecordDamaged, SealedRecords
from bagfill.steps.sweep_candidates import SweepStart

MOST_PARCELS = 200
"""Of one shipment: mapped tasks of one run, whose numbers pass through XCom."""


class ShipmentError(Exception):
    """A shipment's records are not there, damaged, or of another release. The next sweep packs the bags again."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Shipment:
    """Parcels of one run.

    Args:
        id: 32 hexadecimal digits.
        destination: name of the location that gains the replicas.
        parcels: how many, numbered from 0.
        bags, files, bytes: in all of them.
    """

    id: str
    destination: str
    parcels: int
    bags: int
    files: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ParcelBag:
    """One bag of a parcel.

    Args:
        bag: for people.
        run_id: of the attempt that the sweep proposed; changes as soon as anybody tries the bag.
        fields: as ``BackfillRequest.parse`` takes them.
        files, bytes: as the registry counted them.
    """

    bag: str
    run_id: str
    fields: Mapping[str, Any]
    files: int
    bytes: int

    def request_id(self, shipment_id: str) -> str:
        """Of the bag's request: another in each shipment, so that two never take each other's claim for their own."""
        return f"{self.run_id}@{shipment_id[:16]}"

    def to_json(self) -> dict[str, Any]:
        """As one row of a parcel's record."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**row)


def shipments(
    packed: Iterable[SweepStart | Parcel[SweepStart]],
) -> Iterator[SweepStart | tuple[Parcel[SweepStart], ...]]:
    """Gather parcels of one destination into shipments; bags that need their own run pass at once."""
    gathered: dict[str, list[Parcel[SweepStart]]] = {}
    for each in packed:
        if isinstance(each, SweepStart):
            yield each
            continue
        parcels = gathered.setdefault(each.destination, [])
        parcels.append(each)
        if len(parcels) == MOST_PARCELS:
            yield tuple(parcels)
            parcels.clear()
    yield from (tuple(parcels) for parcels in gathered.values() if parcels)


def describe(parcels: Sequence[Parcel[SweepStart]]) -> Shipment:
    """What a shipment of these parcels is called and how much it is; nothing is written.

    Args:
        parcels: all to one destination; at least one.
    """
    content = hashlib.sha256(parcels[0].destination.encode())
    for parcel in parcels:
        content.update(json.dumps(_rows(parcel), sort_keys=True).encode())
    return Shipment(
        id=content.hexdigest()[:32],
        destination=parcels[0].destination,
        parcels=len(parcels),
        bags=sum(len(parcel.bags) for parcel in parcels),
        files=sum(parcel.files for parcel in parcels),
        bytes=sum(parcel.bytes for parcel in parcels),
    )


class ShipmentRecords:
    """Shipments in the work area.

    Args:
        work: the installation's work area.
    """

    def __init__(self, work: RecordStore) -> None:
        self._work = SealedRecords(work)

    def write(self, parcels: Sequence[Parcel[SweepStart]]) -> Shipment:
        """Leave the records of a shipment; those that are there already are the same. Raises StoreError.

        Args:
            parcels: all to one destination; at least one.
        """
        shipment = describe(parcels)
        for number, parcel in enumerate(parcels):
            self._work.write_lines(_parcel(shipment.id, number), _rows(parcel))
        self._work.write_json(_head(shipment.id), shipment.to_json())
        return shipment

    def read(self, shipment_id: str) -> Shipment:
        """A shipment.

        Raises:
            ShipmentError: there is none that could be used.
            StoreError: it could not be read.
        """
        row = self._rows(_head(shipment_id))[0]
        with _of_this_release(shipment_id):
            return Shipment(**row)

    def bags(self, shipment_id: str, number: int) -> tuple[ParcelBag, ...]:
        """The bags of one parcel, in their order. Raises as :meth:`read`."""
        rows = self._rows(_parcel(shipment_id, number))
        with _of_this_release(shipment_id):
            return tuple(ParcelBag.from_json(row) for row in rows)

    def mark_done(self, shipment_id: str, number: int, counts: Mapping[str, int]) -> None:
        """Remember that every bag of a parcel has come to an end."""
        self._work.write_json(_done(shipment_id, number), dict(counts))

    def open_parcels(self, shipment: Shipment) -> list[int]:
        """Numbers of the parcels that were not marked done."""
        done = set(self._work.names(f"{_folder(shipment.id)}done/"))
        return [number for number in range(shipment.parcels) if _done(shipment.id, number) not in done]

    def _rows(self, name: str) -> list[dict[str, Any]]:
        try:
            rows = self._work.read_lines(name)
        except (RecordDamaged, ValueError) as error:
            raise ShipmentError(f"{self._work.key(name)} at {self._work.location} is damaged") from error
        if not rows:
            raise ShipmentError(f"{self._work.key(name)} is not at {self._work.location}: sweep again")
        return rows


@contextmanager
def _of_this_release(shipment_id: str) -> Iterator[None]:
    try:
        yield
    except TypeError as error:
        raise ShipmentError(f"shipment {shipment_id} was written by another release: sweep again") from error


def _rows(parcel: Parcel[SweepStart]) -> list[dict[str, Any]]:
    return [
        ParcelBag(start.bag, start.run_id, start.fields, start.files, start.bytes).to_json() for start in parcel.bags
    ]


def _folder(shipment_id: str) -> str:
    return f"shipments/{shipment_id}/"


def _head(shipment_id: str) -> str:
    return f"{_folder(shipment_id)}shipment.jsonl"


def _parcel(shipment_id: str, number: int) -> str:
    return f"{_folder(shipment_id)}parcels/{number:05d}.jsonl"


def _done(shipment_id: str, number: int) -> str:
    return f"{_folder(shipment_id)}done/{number:05d}.jsonl"
