"""Profiles of simulations: TOML files that a user can copy and change."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from bagfill.planning.budget import Caps, DayHours
from bagfill.planning.costs import Pair
from bagfill.planning.order import Order
from bagfill.planning.simulation.profile import CollectionShape, Machines, SimulationProfile, Trouble
from bagfill.settings.campaigns import Money
from bagfill.settings.prices import find_price_table
from bagfill.settings.sections import Section, Size
from bagfill.settings.texts import ProblemList
from bagfill.storage.store import ThawTier

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "simulations"

_Share = Annotated[float, Field(ge=0, le=1)]
_Spread = Annotated[float, Field(ge=0, le=3)]


class ProfileError(Exception):
    """A profile that cannot be used; ``problems`` says each. Not retryable: a person must correct it."""

    retryable = False

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class CollectionSection(Section):
    """``[collection]``."""

    bags: Annotated[int, Field(ge=1, le=10_000_000)]
    files: Annotated[int, Field(ge=1)]
    bytes: Annotated[Size, Field(ge=1)]
    archived_share: _Share
    archive_class: Annotated[str, Field(min_length=1)] = "GLACIER"
    files_spread: _Spread = 1.2
    bytes_spread: _Spread = 1.0


class MachinesSection(Section):
    """``[machines]``."""

    workers: Annotated[int, Field(ge=1, le=100_000)]
    rate: Annotated[Size, Field(ge=1)]
    seconds_a_file: Annotated[float, Field(ge=0)] = 0.05
    thaw_requests_per_second: Annotated[float, Field(gt=0)] = 100.0


def _hours(text: str) -> str:
    return str(DayHours.parse(text))


class CampaignSection(Section):
    """``[campaign]``."""

    prices_from: str
    prices_to: str
    verifies_at_destination: bool = False
    copies_at_source: bool = False
    tier: Annotated[ThawTier, Field(strict=False)] = ThawTier.STANDARD
    days: Annotated[int, Field(ge=1, le=365)] = 7
    order: Annotated[Order, Field(strict=False)] = Order.SMALLEST_FIRST
    cap: Money | None = None
    money_a_day: Money | None = None
    bytes_a_day: Annotated[Size, Field(ge=0)] | None = None
    requests_a_second: Annotated[float, Field(gt=0)] | None = None
    hours: Annotated[str, AfterValidator(_hours)] | None = None

    def caps(self) -> Caps:
        """As budgets take them."""
        return Caps(
            money=self.cap,
            money_a_day=self.money_a_day,
            bytes_a_day=self.bytes_a_day,
            requests_a_second=self.requests_a_second,
            hours=None if self.hours is None else DayHours.parse(self.hours),
        )


class TroubleSection(Section):
    """``[trouble]``."""

    slow_thaws: _Share = 0.0
    slowest: Annotated[float, Field(ge=1, le=100)] = 2.0
    lost_thaws: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    throttled: _Share = 0.0
    failures: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    rate_spread: _Spread = 0.0


class ProfileSection(Section):
    """The whole file."""

    collection: CollectionSection
    machines: MachinesSection
    campaign: CampaignSection
    trouble: TroubleSection = TroubleSection()


def load_profile(name: str, prices: Path) -> SimulationProfile:
    """A profile: a file, or the name of one that is shipped.

    Args:
        name: path of a TOML file, or a shipped profile's name.
        prices: where the user's own price tables are.

    Raises:
        ProfileError: there is none, or it says something that is not allowed; each problem with file and key.
        PriceTableError: a price table that it names cannot be used.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
        raise ProfileError((f"there is no profile {name!r}: name a TOML file, or one of {known}",))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=float)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError((f"{path}: cannot be read as TOML: {error}",)) from None
    problems = ProblemList(document)
    section = problems.validated(ProfileSection, document, ())
    if not isinstance(section, ProfileSection):
        raise ProfileError(tuple(f"{path}: {problem}" for problem in problems.texts))
    collection, machines, campaign, trouble = section.collection, section.machines, section.campaign, section.trouble
    if collection.files < collection.bags:
        raise ProfileError(
            (f"{path}: collection.files: found {collection.files}; each of {collection.bags} bags has one",)
        )
    return SimulationProfile(
        name=path.stem,
        collection=CollectionShape(**dict(collection)),
        machines=Machines(machines.workers, machines.rate, machines.seconds_a_file, machines.thaw_requests_per_second),
        trouble=Trouble(**dict(trouble)),
        pair=Pair(
            find_price_table(campaign.prices_from, prices),
            find_price_table(campaign.prices_to, prices),
            "source",
            "destination",
            verifies_at_destination=campaign.verifies_at_destination,
            copies_at_source=campaign.copies_at_source,
        ),
        tier=campaign.tier,
        days=campaign.days,
        order=campaign.order,
        caps=campaign.caps(),
    )
