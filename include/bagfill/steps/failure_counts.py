"""What needs a person, as one line a reason and location: a million bags of one kind are counted in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bagfill.ingests.failed_bags import CountedFailure, FailedBags
from bagfill.reports.standing import FailureLine
from bagfill.steps.bag_history import NeedsPerson
from bagfill.steps.failure_places import WantedPlace, counted_or_judged, needs_of, wanted_places
from bagfill.steps.failures_list import command_for, needing_a_person
from bagfill.steps.services import Services


def failure_lines(services: Services) -> Iterator[FailureLine]:
    """One line for each reason and location: a million bags of one kind take no more memory than one."""
    if services.failed is None:
        yield from _summed(_line(needs) for needs in needing_a_person(services))
        return
    for place in wanted_places(services):
        yield from _summed(_lines(services, services.failed, place))


def _lines(services: Services, failed: FailedBags, place: WantedPlace) -> Iterator[FailureLine]:
    for found in counted_or_judged(services, failed, place):
        yield _line(found) if isinstance(found, NeedsPerson) else _line_of(services, found, place.location)


def _line_of(services: Services, counted: CountedFailure, location: str) -> FailureLine:
    example = next(iter(counted.examples), None)
    # Without one it is added to a line that has one.
    needs = None if example is None else needs_of(services, example, location)
    return FailureLine(
        reason=counted.reason.code,
        advice=counted.reason.advice,
        destination=location,
        bags=counted.bags,
        first_seen=counted.first_seen,
        last_seen=counted.last_seen,
        example="" if example is None else str(example),
        command=f"bagfill failures --to {location}" if needs is None else command_for(needs),
    )


def _line(needs: NeedsPerson) -> FailureLine:
    return FailureLine(
        reason=needs.reason.code,
        advice=needs.reason.advice,
        destination=needs.destination,
        bags=1,
        first_seen=needs.first_seen,
        last_seen=needs.last_seen,
        example=needs.bag,
        command=command_for(needs),
    )


def _summed(found: Iterator[FailureLine]) -> Iterator[FailureLine]:
    lines: dict[tuple[str, str], FailureLine] = {}
    for each in found:
        key = (each.reason, each.destination)
        known = lines.get(key)
        lines[key] = each if known is None else _sum(known, each)
    yield from lines.values()


def _sum(known: FailureLine, other: FailureLine) -> FailureLine:
    return replace(
        known,
        bags=known.bags + other.bags,
        first_seen=min(known.first_seen, other.first_seen),
        last_seen=max(known.last_seen, other.last_seen),
    )
