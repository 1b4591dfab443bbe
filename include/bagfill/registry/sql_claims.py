"""Claims as rows: leases that end by themselves, and fencing tokens that never go back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, select, update

from bagfill.bag.identifiers import BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import columns_of, is_bag_version
from bagfill.database.tables import CLAIMS
from bagfill.registry.clock import Clock, end_of_lease
from bagfill.registry.registry import Claim, ClaimLostError, HeldByAnother


class SqlClaims:
    """The claims of one database.

    A released claim keeps its row, without a holder: the next token has to be larger.

    Args:
        engine: the database.
        clock: by which leases end. Machines that share the database keep their clocks together to well under a lease;
            a wrong clock can hand a claim over too early, and the token still refuses the former holder's write.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def acquire(
        self, bag_version: BagVersionId, location: str, *, holder: str, lease: timedelta
    ) -> Claim | HeldByAnother:
        """See :meth:`Registry.acquire`."""
        with writing(self._engine) as connection:
            expires = end_of_lease(self._clock, lease)
            first = {"holder": holder, "token": 1, "expires": expires}
            # Of several who find no row one inserts it; the others wait for its commit, and find it below.
            if insert_if_absent(connection, CLAIMS, {**columns_of(bag_version), "location": location, **first}):
                return Claim(bag_version, location, holder, 1, expires)
            is_this = _is_claim(bag_version, location)
            row = connection.execute(select(CLAIMS).where(is_this).with_for_update()).one()
            taken_over = row.holder != holder
            if taken_over and row.holder is not None and row.expires > self._clock():
                return HeldByAnother(row.holder, row.expires)
            token = row.token + 1 if taken_over else row.token
            connection.execute(update(CLAIMS).where(is_this).values(holder=holder, token=token, expires=expires))
            return Claim(bag_version, location, holder, token, expires)

    def heartbeat(self, claim: Claim, *, lease: timedelta) -> Claim:
        """See :meth:`Registry.heartbeat`."""
        with writing(self._engine) as connection:
            expires = end_of_lease(self._clock, lease)
            if connection.execute(update(CLAIMS).where(_is_current(claim)).values(expires=expires)).rowcount != 1:
                raise ClaimLostError(claim)
        return replace(claim, expires=expires)

    def release(self, claim: Claim) -> None:
        """See :meth:`Registry.release`."""
        with writing(self._engine) as connection:
            connection.execute(update(CLAIMS).where(_is_current(claim)).values(holder=None))

    def of(self, bag_version: BagVersionId, location: str) -> Claim | None:
        """See :meth:`Registry.claim_of`."""
        with reading(self._engine) as connection:
            row = connection.execute(select(CLAIMS).where(_is_claim(bag_version, location))).one_or_none()
        if row is None or row.holder is None:
            return None
        return Claim(bag_version, location, row.holder, row.token, row.expires)


def require_current(connection: Connection, claim: Claim, *, lock: bool = False) -> None:
    """Raise ClaimLostError if somebody took or released the claim; with ``lock`` nobody can until the transaction ends.

    The end of the lease does not count: as long as the token is current, no other run has begun.
    """
    query = select(CLAIMS.c.token).where(_is_current(claim))
    if connection.execute(query.with_for_update() if lock else query).one_or_none() is None:
        raise ClaimLostError(claim)


def _is_claim(bag_version: BagVersionId, location: str) -> ColumnElement[bool]:
    return and_(is_bag_version(CLAIMS, bag_version), CLAIMS.c.location == location)


def _is_current(claim: Claim) -> ColumnElement[bool]:
    return and_(
        _is_claim(claim.bag_version, claim.location),
        CLAIMS.c.holder == claim.holder,
        CLAIMS.c.token == claim.token,
    )
