"""Campaigns as other systems declare them: a JSON document, checked whole before anything is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bagfill.campaigns.model import Definition, Scope
from bagfill.campaigns.states import AfterDeadline
from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.order import MOST_URGENT, Order
from bagfill.storage.location import Location
from bagfill.storage.store import ThawTier

_MOST_BAGS = 1_000_000
_MOST_BYTES = 2**62


Shape = TypeVar("Shape", bound=BaseModel)


class InvalidCampaignDocument(ValueError):
    """Each fault in a line of its own: where, and what is wrong. Not retryable."""

    retryable = False


def _hours(text: str) -> str:
    DayHours.parse(text)
    return text


# What a database can hold, and a line of text.
_PLAIN = r"^[^\x00-\x1f\x7f-\x9f]*$"
_Text = Annotated[str, Field(max_length=1024, pattern=_PLAIN)]
_Money = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?$", examples=["500", "99.50"])]
# From and to: not the same hour, and not the whole day.
_HOURS = r"^(?!([0-9]+)-\1$)(?!0-24$)([0-9]|1[0-9]|2[0-3])-([0-9]|1[0-9]|2[0-4])$"
_Hours = Annotated[str, AfterValidator(_hours), Field(max_length=5, json_schema_extra={"pattern": _HOURS})]


def _whole(value: Any) -> Any:
    """7.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Days = Annotated[int, Field(ge=1, le=365), BeforeValidator(_whole)]
_Bytes = Annotated[int, Field(ge=0, le=_MOST_BYTES), BeforeValidator(_whole)]
_Rate = Annotated[float, Field(ge=0.001, le=1e6)]
_Priority = Annotated[int, Field(ge=-MOST_URGENT, le=MOST_URGENT), BeforeValidator(_whole)]
_Runs = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_whole)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ScopeDocument(_Document):
    """Which bags; everything that is missing at the destination, narrowed by what is given."""

    spaces: list[_Text] = Field(default=[], max_length=1000, description="Only these spaces.")
    bags: list[_Text] = Field(default=[], max_length=_MOST_BAGS, description="Only these bags, as SPACE/ID.")
    prefix: _Text = Field(default="", description="Only bags whose SPACE/ID begins so.")


class CapsDocument(_Document):
    """What a campaign may not pass; left out or null: no cap."""

    money: _Money | None = Field(default=None, description="In all, in the campaign's currency.")
    money_a_day: _Money | None = Field(default=None, description="On one day (UTC).")
    bytes_a_day: _Bytes | None = Field(default=None, description="Copied on one day (UTC).")
    requests_a_second: _Rate | None = Field(default=None, description="To providers, of all tasks together.")
    runs_at_once: _Runs | None = Field(default=None, description="Bags in work at the same time.")
    hours: _Hours | None = Field(default=None, description="Of the day (UTC), such as 22-6.")

    def changed(self, caps: Caps) -> Caps:
        """The caps, with those that are given in the place of what they were.

        Args:
            caps: as they are.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in {"money", "money_a_day"} & set(given):
            given[name] = None if given[name] is None else Decimal(given[name])
        if given.get("hours") is not None:
            given["hours"] = DayHours.parse(given["hours"])
        return replace(caps, **given)


class CampaignDocument(_Document):
    """A new campaign."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Lower-case letters, digits and hyphens.")
    destination: _Text = Field(description="The location that is to gain replicas.")
    source: _Text | None = Field(default=None, description="The location to read; else each bag version's primary.")
    scope: ScopeDocument = ScopeDocument()
    thaw_tier: ThawTier | Literal["auto"] | None = Field(
        default=None, description="auto: the cheapest that makes the deadline. Else as the source location says."
    )
    thaw_tiers: dict[str, ThawTier] = Field(
        default={}, max_length=20, description="Of single storage classes, such as DEEP_ARCHIVE; before thaw_tier."
    )
    thaw_days: _Days | None = Field(default=None, description="Else as the source location says.")
    deadline: AwareDatetime | None = Field(default=None, description="By when it should be done.")
    after_deadline: AfterDeadline = Field(
        default=AfterDeadline.GO_ON, description="Whether bags are begun when the deadline is over."
    )
    priorities: dict[str, _Priority] = Field(
        default={},
        max_length=_MOST_BAGS,
        description="Of bags, as SPACE/ID, or of spaces; higher goes first in the order priority.",
    )
    order: Order = Field(default=Order.SMALLEST_FIRST, description="Which bags go first.")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="Of every amount (ISO 4217).")
    unknown_prices: bool = Field(default=False, description="Do what has no known price all the same, booked as free.")
    caps: CapsDocument = CapsDocument()

    def definition(self) -> Definition:
        """As a campaign is defined."""
        return Definition(
            Scope(tuple(self.scope.spaces), tuple(dict.fromkeys(self.scope.bags)), self.scope.prefix),
            self.destination,
            source=self.source,
            thaw_tier=None if self.thaw_tier is None else str(self.thaw_tier),
            thaw_tiers={name: tier.value for name, tier in self.thaw_tiers.items()},
            after_deadline=self.after_deadline,
            priorities=self.priorities,
            thaw_days=self.thaw_days,
            deadline=self.deadline,
            order=self.order,
            currency=self.currency,
            unknown_prices=self.unknown_prices,
        )


class WhyDocument(_Document):
    """Why something is done, for those who read the campaign's history."""

    why: _Text = Field(default="", max_length=200)


class ReleaseDocument(_Document):
    """Which bag, or all bags of which reason, the next sweep is to try again."""

    destination: _Text = Field(description="The location where it is missing.")
    bag: _Text | None = Field(default=None, description="SPACE/ID.")
    reason: _Text | None = Field(default=None, description="A reason's code: all bags that wait for a person for it.")
    why: _Text = Field(default="", max_length=200)


def parse_document(shape: type[Shape], body: Any) -> Shape:
    """A document of this shape. Raises InvalidCampaignDocument with every fault.

    Args:
        shape: one of those above.
        body: what ``json.loads`` made of it.
    """
    try:
        # By way of JSON, where a text may be a date and a number is never a text.
        return shape.model_validate_json(json.dumps(body))
    except ValidationError as error:
        lines = (f"Invalid value at {_where(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))
        raise InvalidCampaignDocument("\n".join(lines)) from None


def _where(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location) or "."


def campaign_schema(locations: Iterable[Location], *, refs: str) -> dict[str, Any]:
    """The JSON Schema of a new campaign at this installation, with its locations.

    Args:
        locations: those that are configured.
        refs: how a part is referred to, with ``{model}`` for its name.

    Returns:
        the schema, with its parts under ``$defs``.
    """
    schema = CampaignDocument.model_json_schema(ref_template=refs)
    everywhere = list(locations)
    destination, source = schema["properties"]["destination"], schema["properties"]["source"]
    writable = sorted(each.name for each in everywhere if each.writable)
    schema["properties"]["destination"] = {"enum": writable, "description": destination["description"]}
    names = [*sorted(each.name for each in everywhere), None]
    schema["properties"]["source"] = {"enum": names, "default": None, "description": source["description"]}
    return schema
