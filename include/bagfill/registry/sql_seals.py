"""Chains of seals as rows: one row a location is locked by whoever appends, one row a seal stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, select, update

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import bag_version_of, columns_of, is_bag_version
from bagfill.database.tables import RECEIPT_CHAINS, RECEIPT_SEALS, REPLICAS
from bagfill.registry.seals import ChainPosition, MakeSeal, SealRecord

_PAGE = 1_000


def append_seal(
    connection: Connection, location: str, bag_version: BagVersionId, receipt: str, make: MakeSeal, *, now: datetime
) -> None:
    """Append the seal of a receipt, unless it has one. The chain is locked until the caller's transaction ends."""
    insert_if_absent(connection, RECEIPT_CHAINS, {"location": location, "sequence": 0})
    is_chain = RECEIPT_CHAINS.c.location == location
    newest = connection.execute(select(RECEIPT_CHAINS.c.sequence).where(is_chain).with_for_update()).scalar_one()
    is_sealed = and_(RECEIPT_SEALS.c.location == location, RECEIPT_SEALS.c.receipt == receipt)
    if connection.execute(select(RECEIPT_SEALS.c.sequence).where(is_sealed)).one_or_none() is not None:
        return
    before = select(RECEIPT_SEALS.c.document).where(_is_seal(location, newest))
    previous = connection.execute(before).scalar_one().encode() if newest else None
    document = make(ChainPosition(location, newest + 1, previous, now))
    row = {
        "location": location,
        "sequence": newest + 1,
        **columns_of(bag_version),
        "receipt": receipt,
        "document": document.decode(),
        "sha256": hashlib.sha256(document).hexdigest(),
    }
    connection.execute(RECEIPT_SEALS.insert().values(**row))
    connection.execute(update(RECEIPT_CHAINS).where(is_chain).values(sequence=newest + 1))


class SqlSeals:
    """The seals of one database.

    Args:
        engine: the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, bag_version: BagVersionId, location: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of`."""
        own = select(REPLICAS.c.receipt).where(is_bag_version(REPLICAS, bag_version), REPLICAS.c.location == location)
        return self._one(location, RECEIPT_SEALS.c.receipt == own.scalar_subquery())

    def of_receipt(self, location: str, receipt: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of_receipt`."""
        return self._one(location, RECEIPT_SEALS.c.receipt == receipt)

    def _one(self, location: str, condition: ColumnElement[bool]) -> SealRecord | None:
        query = select(RECEIPT_SEALS).where(RECEIPT_SEALS.c.location == location, condition)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)

    def all(self, location: str, *, unwritten: bool) -> Iterator[SealRecord]:
        """See :meth:`Registry.seals`."""
        after = 0
        while True:
            page = select(RECEIPT_SEALS).where(RECEIPT_SEALS.c.location == location, RECEIPT_SEALS.c.sequence > after)
            if unwritten:
                page = page.where(RECEIPT_SEALS.c.written.is_(None))
            with reading(self._engine) as connection:
                rows = connection.execute(page.order_by(RECEIPT_SEALS.c.sequence).limit(_PAGE)).all()
            for row in rows:
                yield _record(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence

    def mark_written(self, seal: SealRecord, *, now: datetime) -> None:
        """See :meth:`Registry.seal_written`."""
        is_unwritten = and_(_is_seal(seal.location, seal.sequence), RECEIPT_SEALS.c.written.is_(None))
        with writing(self._engine) as connection:
            connection.execute(update(RECEIPT_SEALS).where(is_unwritten).values(written=now))


def _is_seal(location: str, sequence: int) -> Any:
    return and_(RECEIPT_SEALS.c.location == location, RECEIPT_SEALS.c.sequence == sequence)


def _record(row: Row[*tuple[Any, ...]]) -> SealRecord:
    return SealRecord(
        row.location, row.sequence, bag_version_of(row), row.receipt, row.document.encode(), row.sha256, row.written
    )
