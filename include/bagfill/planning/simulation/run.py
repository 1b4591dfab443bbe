"""A simulation: the campaign, the naive loop on the same world, and what a plan had said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.forecast import TierForecast, forecast
from bagfill.planning.rates import Rate
from bagfill.planning.simulation.bags import make_bags
from bagfill.planning.simulation.campaign import SimulatedCampaign
from bagfill.planning.simulation.naive import naive_loop
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.simulation.record import Course
from bagfill.planning.simulation.world import World
from bagfill.planning.times import Bounds
from bagfill.planning.waves import WorkDay


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was simulated and what came of it.

    Args:
        profile, seed: what was asked for.
        bags, files, bytes, archived_bytes: of the collection.
        planned: what a plan says of it.
        campaign: how the campaign fared.
        naive: how the loop of restore, wait and copy fared.
    """

    profile: SimulationProfile
    seed: int
    bags: int
    files: int
    bytes: int
    archived_bytes: int
    planned: TierForecast
    campaign: Course
    naive: Course

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; money as numbers in ``currency``, for it is simulated."""
        cap, workers = self.profile.cap, self.profile.machines.workers
        planned = self.planned.totals.single
        return {
            "profile": self.profile.name,
            "seed": self.seed,
            "bags": self.bags,
            "files": self.files,
            "bytes": self.bytes,
            "archived_bytes": self.archived_bytes,
            "currency": planned[0] if planned else None,
            "cap": None if cap is None else float(cap),
            **self.campaign.to_json(cap, workers),
            "planned": {
                "virtual_days": round(self.planned.times.total.total_seconds() / 86_400, 2),
                "cost": float(planned[1]) if planned else None,
            },
            "naive": self.naive.to_json(cap, workers),
        }


def simulate(profile: SimulationProfile, seed: int, *, looked: Callable[[float], None] = lambda _: None) -> Simulation:
    """Run a campaign on a collection that does not exist, in virtual time.

    Args:
        profile: what to simulate.
        seed: of all chance; the same seed gives the same simulation.
        looked: told now and then how much of the campaign is done (0 to 1).

    Raises:
        UnknownPrices: a price that is needed is in no table.
    """
    bags = make_bags(profile.collection, seed)
    files, size = sum(bag.files for bag in bags), sum(bag.bytes for bag in bags)
    archived = sum(bag.archived_bytes for bag in bags)
    planned = _planned(profile, files, size, sum(bag.archived_files for bag in bags), archived)
    campaign = SimulatedCampaign(profile, bags, World(profile, seed), looked).run()
    naive = naive_loop(profile, bags, World(profile, seed))
    return Simulation(profile, seed, len(bags), files, size, archived, planned, campaign, naive)


def _planned(profile: SimulationProfile, files: int, size: int, archived_files: int, archived: int) -> TierForecast:
    world = World(profile, 0)
    warm = (files - archived_files, size - archived)
    classes = {
        ClassKey(profile.collection.archive_class, archived=True): _amount(world, archived_files, archived),
        ClassKey("", archived=False): _amount(world, *warm),
    }
    machines = profile.machines
    rate = Rate(machines.seconds_a_file, 1 / machines.bytes_a_second)
    day = WorkDay.under(profile.caps)
    bounds = Bounds(machines.workers, rate, rate, machines.thaw_requests_per_second, day=day)
    present = {key: amount for key, amount in classes.items() if amount.objects}
    return forecast(present, profile.pair, profile.tier, days=profile.days, bounds=bounds)


def _amount(world: World, files: int, size: int) -> Amount:
    return Amount(files, size, world.requests(files, size))
