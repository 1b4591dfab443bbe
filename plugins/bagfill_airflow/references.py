"""What tasks hand to each other: references and small counts, written compactly so that 100 versions stay below 10 KB.

``open_ingest`` hands out the ingests of a run once; every other task names one of them by its place in that list, and a
shard as ``[place, number]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bagfill.steps.outcomes import IngestRef
from bagfill.steps.plan_replication import PlanSummary
from bagfill_airflow.defaults import MOST_MAPPED

_SHARED = ("source", "destination", "thaw_tier", "thaw_days", "campaign")


def pack_ingests(refs: Sequence[IngestRef]) -> dict[str, Any]:
    """The ingests of a run as JSON: what the first shares with the others is said once."""
    if not refs:
        return {"shared": {}, "ingests": []}
    first = refs[0].to_json()
    shared = {"bag": str(refs[0].id.bag), **{name: first[name] for name in _SHARED}}
    rows = []
    for ref in refs:
        values = ref.to_json()
        row = {"ingest_id": ref.ingest_id, "version": str(ref.id.version), "token": ref.token}
        row |= {name: values[name] for name in _SHARED if values[name] != shared[name]}
        rows.append(row)
    return {"shared": shared, "ingests": rows}


def unpack_ingests(packed: Mapping[str, Any]) -> tuple[IngestRef, ...]:
    """The inverse of :func:`pack_ingests`."""
    refs = []
    for row in packed["ingests"]:
        values = {**packed["shared"], **row}
        bag_version = f"{values.pop('bag')}/{values.pop('version')}"
        refs.append(IngestRef.from_json({"bag_version": bag_version, **values}))
    return tuple(refs)


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned ingest of a run.

    Args:
        place: in the list of ``open_ingest``.
        archived: files to thaw.
        copy_shards, verify_shards: how many.
    """

    place: int
    archived: int
    copy_shards: int
    verify_shards: int

    @classmethod
    def of(cls, place: int, plan: PlanSummary) -> Self:
        """What later tasks need of a plan."""
        return cls(place, plan.archived_files, plan.copy_shards, plan.verify_shards)

    @property
    def shards(self) -> int:
        """Mapped tasks of each kind."""
        return max(self.copy_shards, self.verify_shards)

    def to_json(self) -> list[int]:
        """As four numbers."""
        return [self.place, self.archived, self.copy_shards, self.verify_shards]

    @classmethod
    def from_json(cls, values: Sequence[int]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(*values)


def unpack_plans(rows: Iterable[Sequence[int]]) -> dict[int, Planned]:
    """Planned ingests by place."""
    return {plan.place: plan for plan in map(Planned.from_json, rows)}


def shares(plans: Iterable[Planned]) -> list[list[int]]:
    """Every ``[place, number]`` that ``copy`` and ``verify`` are mapped over: one list, so both have the same indexes.

    A version that has fewer shards of one kind than of the other has tasks of that kind with nothing to do; that
    happens where a large file is copied in parts and verified whole.
    """
    return [[plan.place, number] for plan in plans for number in range(plan.shards)]


def fitting(plans: Sequence[Planned], most: int = MOST_MAPPED) -> tuple[list[Planned], list[Planned]]:
    """The plans, ascending, that fit into one run, and the rest."""
    total = 0
    for index, plan in enumerate(plans):
        total += plan.shards
        if total > most:
            return list(plans[:index]), list(plans[index:])
    return list(plans), []
