"""Thaws by state and age, at every location."""

from __future__ import annotations

from datetime import timedelta

from bagfill.steps.thaw_queues import thaw_lines, thawed_lines
from bagfill.storage.store import ThawTier
from bagfill.thaw.ledger import FOR_GOOD, ThawTerms, ThawWant
from world import World


def ask(world: World, *keys: str) -> None:
    terms = ThawTerms("somebody", "chunk", ThawTier.BULK, 5, world.clock())
    world.thaws.reserve("primary", [ThawWant(key, "e", 10) for key in keys], terms)
    world.thaws.asked("primary", keys, "somebody", paid=True)


def test_objects_are_counted_by_quarters_of_the_usual_time_and_those_that_wait_longer_apart() -> None:
    world = World()
    services = world.services()
    ask(world, "overdue")
    [line] = thaw_lines(services)
    assert line.ages == (1, 0, 0, 0, 0)
    world.clock.advance(line.usual / 2)
    ask(world, "last-1", "last-2")
    world.clock.advance(line.usual * 0.6)
    ask(world, "first-1", "first-2", "first-3")
    [line] = thaw_lines(services)
    assert line.ages == (3, 0, 2, 0, 1)
    assert sum(line.ages) == line.queue.objects
    assert line.is_overdue(world.clock())


def test_copies_that_can_be_read_are_told_with_the_first_that_goes_away() -> None:
    world = World()
    services = world.services()
    ask(world, "a", "b")
    assert list(thawed_lines(services)) == []
    world.thaws.readable("primary", {"a": FOR_GOOD})
    [line] = thawed_lines(services)
    assert (line.location, line.copies.objects, line.first_ends) == ("primary", 1, None)
    ends = world.clock() + timedelta(days=3)
    world.thaws.readable("primary", {"b": ends})
    [line] = thawed_lines(services)
    assert (line.copies.objects, line.first_ends) == (2, ends)
    assert list(thaw_lines(services)) == []
