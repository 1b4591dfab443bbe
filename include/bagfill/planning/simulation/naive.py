"""The loop that is written when there is no tool: restore everything, wait until all is readable, copy, and once more.

It has as many workers, the same luck and the same bill as the campaign, and neither a budget nor waves.
"""

from __future__ import annotations

import math
from heapq import heapify, heapreplace

from bagfill.planning.simulation.bags import SimulatedBag
from bagfill.planning.simulation.pieces import cut_bag
from bagfill.planning.simulation.profile import SimulationProfile
from bagfill.planning.simulation.record import Course
from bagfill.planning.simulation.world import World
from bagfill.thaw.tiers import thaw_times

_ARCHIVED_PIECES = 10**9
_MOST_ROUNDS = 1000
_PATIENCE = 3
"""Times the usual longest that it waits for the last object before it asks for what is missing once more."""


def naive_loop(profile: SimulationProfile, bags: list[SimulatedBag], world: World) -> Course:
    """How the loop fares: bags in the order of their names, each by one worker.

    Where copies go away before anything of them is copied it would never end; it is stopped then, and says so.
    """
    course = Course()
    left, now, attempt = bags, 0.0, 0
    while left:
        if attempt >= _MOST_ROUNDS:
            course.stopped = (
                f"does not end: after {_MOST_ROUNDS} rounds {len(left):,} bags are left, whose copies go away"
            )
            break
        now, expiry = _thaw(profile, left, world, now, attempt)
        course.asked_again += sum(1 for bag in left if bag.archived_files) if attempt else 0
        course.waves += 1
        left, now = _copy(profile, left, world, now, expiry, attempt, course)
        attempt += 1
    course.seconds = now
    course.billed = world.bill()
    return course


def _thaw(
    profile: SimulationProfile, bags: list[SimulatedBag], world: World, now: float, attempt: int
) -> tuple[float, dict[int, float]]:
    """Ask for everything and wait; when all that will be readable is, and until when each bag is."""
    usual = thaw_times(profile.collection.archive_class, profile.tier).last.total_seconds()
    expiry: dict[int, float] = {}
    asked = ready = now
    lost = False
    for bag in bags:
        if not bag.archived_files:
            continue
        asked += world.asking_seconds(bag, attempt)
        world.thawed(asked, bag.archived_files, bag.archived_bytes, profile.days)
        readable = asked + world.thaw_seconds(bag, attempt)
        if math.isinf(readable):
            lost, expiry[bag.number] = True, -math.inf
            continue
        expiry[bag.number] = world.expiry(bag, attempt, asked=asked, readable=readable, days=profile.days)
        ready = max(ready, readable)
    return (max(ready, asked + _PATIENCE * usual) if lost else ready), expiry


def _copy(
    profile: SimulationProfile,
    bags: list[SimulatedBag],
    world: World,
    now: float,
    expiry: dict[int, float],
    attempt: int,
    course: Course,
) -> tuple[list[SimulatedBag], float]:
    """Copy and read back what can be; what could not, and when the last worker is done."""
    free = [now] * profile.machines.workers
    heapify(free)
    left = []
    for bag in bags:
        begun = free[0]
        if expiry.get(bag.number, math.inf) <= begun:
            course.expired += expiry[bag.number] > 0
            left.append(bag)
            continue
        ended = begun + _work(profile, bag, world, begun, attempt, course)
        heapreplace(free, ended)
        if expiry.get(bag.number, math.inf) <= ended:
            course.expired += 1
            left.append(bag)
            continue
        world.kept(ended, bag.bytes)
        course.bags += 1
        course.bytes += bag.bytes
    return left, max(free)


def _work(
    profile: SimulationProfile, bag: SimulatedBag, world: World, begun: float, attempt: int, course: Course
) -> float:
    seconds = 0.0
    for place, (files, size) in enumerate(cut_bag(bag, profile.limits)):
        number, again = _ARCHIVED_PIECES + bag.number * 1024 + place, attempt * 8
        while True:
            taken = world.work_seconds(files, size, number, 2 * again)
            taken += world.work_seconds(files, size, number, 2 * again + 1)
            fails = world.fails_at(number, again)
            share = 1.0 if fails is None else fails
            course.pieces += 1
            seconds += taken * share
            course.busy_seconds += taken * share
            world.copied(begun, files, size, share=min(1.0, 2 * share))
            world.read_back(begun, files, size, share=max(0.0, 2 * share - 1))
            if fails is None:
                break
            course.failures += 1
            again += 1
    return seconds
