"""Campaigns in the registry's database (SQLite or PostgreSQL)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, exists, insert, or_, select, update

from bagfill.campaigns.decide import decide_caps, decide_move, decide_permit, decide_settlement
from bagfill.campaigns.ledger import Act, Booking, Halted, NameTaken, NotMoved, Permit, UnknownCampaign
from bagfill.campaigns.model import Campaign, CampaignEvent
from bagfill.campaigns.rows import booking_of, campaign_of, columns_of_campaign, columns_of_spend
from bagfill.campaigns.states import ActKind, CampaignState, may_act
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import CAMPAIGN_BOOKINGS, CAMPAIGN_DOCUMENTS, CAMPAIGN_EVENTS, CAMPAIGNS
from bagfill.planning.budget import CapReached, Caps, Spend
from bagfill.registry.clock import Clock, utc_now

_B = CAMPAIGN_BOOKINGS.c
# Everything but the definition, which may be long and never changes.
_SHORT = [column for column in CAMPAIGNS.c if column.name != "definition"]


class SqlCampaigns:
    """See :class:`bagfill.campaigns.ledger.Campaigns`. Every method may raise DatabaseError.

    The campaign's row is locked for every booking, so that bookings of one campaign come one after the other. Nothing
    else is done while it is locked.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        clock: by which days and hours are told; the latest moment that anybody's clock showed counts.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def create(self, campaign: Campaign, *, who: str) -> Campaign | NameTaken:
        """See :meth:`Campaigns.create`."""
        with writing(self._engine) as connection:
            row = {
                **columns_of_campaign(campaign),
                "name": campaign.name,
                "definition": json.dumps(campaign.definition.to_json()),
                "created": campaign.created,
            }
            if insert_if_absent(connection, CAMPAIGNS, row):
                number, _ = _locked(connection, campaign.name)
                self._tell(connection, number, who, "created")
                return campaign
            known = campaign_of(connection.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.name == campaign.name)).one())
        same = (known.definition, known.caps) == (campaign.definition, campaign.caps)
        return known if same else NameTaken(known)

    def get(self, name: str) -> Campaign | None:
        """See :meth:`Campaigns.get`."""
        with reading(self._engine) as connection:
            row = connection.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.name == name)).one_or_none()
        return None if row is None else campaign_of(row)

    def all(self, *, states: Collection[CampaignState] | None = None) -> Sequence[Campaign]:
        """See :meth:`Campaigns.all`."""
        query = select(CAMPAIGNS).order_by(CAMPAIGNS.c.number)
        if states is not None:
            query = query.where(CAMPAIGNS.c.state.in_([state.value for state in states]))
        with reading(self._engine) as connection:
            return [campaign_of(row) for row in connection.execute(query)]

    def move(self, campaign: Campaign, to: CampaignState, *, who: str, why: str) -> Campaign | NotMoved:
        """See :meth:`Campaigns.move`."""
        with writing(self._engine) as connection:
            number, current = _locked(connection, campaign.name, whole=True)
            moved = decide_move(current, campaign, to, why=why, moment=self._clock())
            return self._keep(connection, number, moved, who, f"{current.state} → {to}: {why}")

    def change_caps(self, campaign: Campaign, caps: Caps, *, who: str, why: str) -> Campaign | NotMoved:
        """See :meth:`Campaigns.change_caps`."""
        with writing(self._engine) as connection:
            number, current = _locked(connection, campaign.name, whole=True)
            changed = decide_caps(current, campaign, caps, moment=self._clock())
            return self._keep(connection, number, changed, who, f"caps changed: {why}")

    def remember(self, name: str, what: str, document: dict[str, Any]) -> None:
        """See :meth:`Campaigns.remember`."""
        with writing(self._engine) as connection:
            number, _ = _locked(connection, name)
            row = {"campaign": number, "what": what, "document": json.dumps(document)}
            if not insert_if_absent(connection, CAMPAIGN_DOCUMENTS, row):
                is_this = and_(CAMPAIGN_DOCUMENTS.c.campaign == number, CAMPAIGN_DOCUMENTS.c.what == what)
                connection.execute(update(CAMPAIGN_DOCUMENTS).where(is_this).values(document=row["document"]))

    def remembered(self, name: str, what: str) -> dict[str, Any] | None:
        """See :meth:`Campaigns.remembered`."""
        query = (
            select(CAMPAIGN_DOCUMENTS.c.document)
            .join(CAMPAIGNS, CAMPAIGNS.c.number == CAMPAIGN_DOCUMENTS.c.campaign)
            .where(CAMPAIGNS.c.name == name, CAMPAIGN_DOCUMENTS.c.what == what)
        )
        with reading(self._engine) as connection:
            text = connection.execute(query).scalar_one_or_none()
        document: dict[str, Any] | None = None if text is None else json.loads(text)
        return document

    def events(self, name: str) -> Sequence[CampaignEvent]:
        """See :meth:`Campaigns.events`."""
        query = (
            select(CAMPAIGN_EVENTS)
            .join(CAMPAIGNS, CAMPAIGNS.c.number == CAMPAIGN_EVENTS.c.campaign)
            .where(CAMPAIGNS.c.name == name)
            .order_by(CAMPAIGN_EVENTS.c.number)
        )
        with reading(self._engine) as connection:
            return tuple(CampaignEvent(row.at, row.who, row.what) for row in connection.execute(query))

    def permit(self, name: str, act: Act) -> Permit | CapReached | Halted:
        """See :meth:`Campaigns.permit`."""
        with writing(self._engine) as connection:
            number, campaign = _locked(connection, name)
            last = _last_round(connection, number, act)
            paid = _thaw_paid(connection, number, act.ingest_id)
            decided = decide_permit(campaign, act, last, thaw_paid=paid, moment=self._clock())
            if decided.campaign is not campaign:
                _store_campaign(connection, number, decided.campaign)
            if decided.campaign.revision != campaign.revision:
                text = f"{campaign.state} → {decided.campaign.state}: {decided.answer}"
                self._tell(connection, number, "the ledger", text)
            if decided.spent is not None:
                _store_booking(connection, number, decided.spent, is_new=False)
            if decided.booking is not None:
                _store_booking(connection, number, decided.booking, is_new=decided.booking.round != _round(last))
            return decided.answer

    def begin(self, name: str, act: Act) -> None:
        """See :meth:`Campaigns.begin`."""
        with writing(self._engine) as connection:
            number, _ = _locked(connection, name)
            is_open = and_(_is_act(number, act), _B.actual_requests.is_(None))
            connection.execute(update(CAMPAIGN_BOOKINGS).where(is_open).values(begun=True))

    def may_go_on(self, name: str, ingest_id: str, kind: ActKind, *, begun: bool = True) -> Halted | None:
        """See :meth:`Campaigns.may_go_on`."""
        query = select(CAMPAIGNS.c.number, CAMPAIGNS.c.state, CAMPAIGNS.c.why).where(CAMPAIGNS.c.name == name)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise UnknownCampaign(name)
            state = CampaignState(row.state)
            paid = _thaw_paid(connection, row.number, ingest_id)
        return None if may_act(state, kind, thaw_paid=paid, booked=begun) else Halted(state, row.why)

    def settle(self, name: str, act: Act, actual: Spend) -> bool:
        """See :meth:`Campaigns.settle`."""
        with writing(self._engine) as connection:
            number, campaign = _locked(connection, name)
            return _settle(connection, number, campaign, _last_round(connection, number, act), actual) is not None

    def close(self, name: str, ingest_id: str) -> int:
        """See :meth:`Campaigns.close`."""
        with writing(self._engine) as connection:
            number, campaign = _locked(connection, name)
            is_open = and_(_B.campaign == number, _B.ingest_id == ingest_id, _B.actual_requests.is_(None))
            found = connection.execute(select(CAMPAIGN_BOOKINGS).where(is_open)).all()
            for booking in map(booking_of, found):
                campaign = _settle(connection, number, campaign, booking, booking.act.spend) or campaign
            return len(found)

    def bookings(self, name: str, *, ingest_id: str | None = None) -> Iterator[Booking]:
        """See :meth:`Campaigns.bookings`."""
        query = (
            select(CAMPAIGN_BOOKINGS)
            .join(CAMPAIGNS, CAMPAIGNS.c.number == _B.campaign)
            .where(CAMPAIGNS.c.name == name)
            .order_by(_B.number)
        )
        if ingest_id is not None:
            query = query.where(_B.ingest_id == ingest_id)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield booking_of(row)

    def _keep(
        self, connection: Connection, number: int, outcome: Campaign | NotMoved, who: str, what: str
    ) -> Campaign | NotMoved:
        if isinstance(outcome, Campaign):
            _store_campaign(connection, number, outcome)
            self._tell(connection, number, who, what)
        return outcome

    def _tell(self, connection: Connection, number: int, who: str, what: str) -> None:
        row = {"campaign": number, "at": self._clock(), "who": who, "what": what}
        connection.execute(insert(CAMPAIGN_EVENTS).values(**row))


def _locked(connection: Connection, name: str, *, whole: bool = False) -> tuple[int, Campaign]:
    """The campaign's number and the campaign, locked; without its definition unless it is asked for ``whole``."""
    columns = list(CAMPAIGNS.c) if whole else _SHORT
    row = connection.execute(select(*columns).where(CAMPAIGNS.c.name == name).with_for_update()).one_or_none()
    if row is None:
        raise UnknownCampaign(name)
    return row.number, campaign_of(row)


def _last_round(connection: Connection, number: int, act: Act) -> Booking | None:
    query = select(CAMPAIGN_BOOKINGS).where(_is_act(number, act)).order_by(_B.round.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else booking_of(row)


def _is_act(number: int, act: Act) -> Any:
    return and_(_B.campaign == number, _B.ingest_id == act.ingest_id, _B.kind == act.kind.value, _B.part == act.part)


def _thaw_paid(connection: Connection, number: int, ingest_id: str) -> bool:
    counts = or_(and_(_B.actual_requests.is_(None), _B.requests > 0), _B.actual_requests > 0)
    thaw = and_(_B.campaign == number, _B.ingest_id == ingest_id, _B.kind == ActKind.THAW.value, counts)
    return bool(connection.execute(select(exists().where(thaw))).scalar_one())


def _round(booking: Booking | None) -> int:
    return 0 if booking is None else booking.round


def _settle(
    connection: Connection, number: int, campaign: Campaign, booking: Booking | None, actual: Spend
) -> Campaign | None:
    """The campaign after the settlement; ``None`` if there was nothing open."""
    if booking is None or booking.actual is not None:
        return None
    after, settled = decide_settlement(campaign, booking, actual)
    _store_campaign(connection, number, after)
    _store_booking(connection, number, settled, is_new=False)
    return after


def _store_campaign(connection: Connection, number: int, campaign: Campaign) -> None:
    connection.execute(update(CAMPAIGNS).where(CAMPAIGNS.c.number == number).values(**columns_of_campaign(campaign)))


def _store_booking(connection: Connection, number: int, booking: Booking, *, is_new: bool) -> None:
    act, actual = booking.act, booking.actual
    amounts: dict[str, Any] = columns_of_spend(act.spend)
    if actual is not None:
        amounts |= {f"actual_{name}": value for name, value in columns_of_spend(actual).items()}
    if is_new:
        key = {"campaign": number, "ingest_id": act.ingest_id, "kind": act.kind.value, "part": act.part}
        row = {**key, "round": booking.round, "booked": booking.booked, "begun": booking.begun, **amounts}
        connection.execute(insert(CAMPAIGN_BOOKINGS).values(**row))
    else:
        is_this = and_(_is_act(number, act), _B.round == booking.round)
        connection.execute(update(CAMPAIGN_BOOKINGS).where(is_this).values(**amounts))
