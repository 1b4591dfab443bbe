"""What is simulated: a collection, a world and a campaign. Files in ``include/config/simulations`` become these."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from bagfill.planning.budget import Caps
from bagfill.planning.costs import Pair
from bagfill.planning.limits import Limits
from bagfill.planning.order import Order
from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class CollectionShape:
    """Bags that do not exist.

    Args:
        bags, files, bytes: exactly so many.
        archived_share: of the bytes.
        archive_class: of the archived objects.
        files_spread, bytes_spread: how unequal bags are: sigma of a lognormal distribution.
    """

    bags: int
    files: int
    bytes: int
    archived_share: float
    archive_class: str = "GLACIER"
    files_spread: float = 1.2
    bytes_spread: float = 1.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong in the world; shares are probabilities.

    Args:
        slow_thaws: share of bags whose thaw takes longer than the provider's usual longest, up to ``slowest`` times.
        slowest: times the usual longest.
        lost_thaws: share of thaws that never complete.
        throttled: share of bags whose thaw requests are throttled, and go out four times slower.
        failures: share of pieces of work that fail and are done again.
        rate_spread: how unequal pieces of the same size are in time: sigma of a lognormal distribution.
    """

    slow_thaws: float = 0.02
    slowest: float = 2.0
    lost_thaws: float = 0.0005
    throttled: float = 0.05
    failures: float = 0.01
    rate_spread: float = 0.25


@dataclass(frozen=True, slots=True)
class Machines:
    """What copies.

    Args:
        workers: at the same time.
        bytes_a_second: of one worker, copying or reading back.
        seconds_a_file: of one worker, beside the bytes.
        thaw_requests_per_second: of all together.
    """

    workers: int
    bytes_a_second: int
    seconds_a_file: float
    thaw_requests_per_second: float


@dataclass(frozen=True, slots=True)
class SimulationProfile:
    """Everything that a simulation starts from, but for the seed.

    Args:
        name: of the file.
        collection: what there is.
        machines: what copies.
        trouble: what goes wrong.
        pair: price tables; every price that is needed must be known.
        tier, days: how archived objects are thawed, and the least that their copies live.
        order: of bags.
        caps: of the campaign; its money is ``cap``.
        limits: how bags are cut and packed.
    """

    name: str
    collection: CollectionShape
    machines: Machines
    trouble: Trouble
    pair: Pair
    tier: ThawTier
    days: int
    order: Order
    caps: Caps
    limits: Limits = field(default_factory=Limits)

    @property
    def cap(self) -> Decimal | None:
        """Money that the campaign may spend in all."""
        return self.caps.money
