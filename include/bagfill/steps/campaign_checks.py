"""What is wrong with a campaign that somebody declares, found before anything is kept."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.bag.identifiers import BagId, InvalidIdentifier, Space
from bagfill.campaigns.model import Definition
from bagfill.campaigns.states import AfterDeadline
from bagfill.planning.order import MOST_URGENT, Order
from bagfill.planning.thaw_choice import AUTO
from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import allowed_tiers, is_archive_class

_MAX_THAW_DAYS = 365


def definition_problems(services: Services, definition: Definition) -> list[str]:
    """Every problem, each with what was found and what is allowed."""
    return [
        *_places(services, definition),
        *_thaw(definition),
        *_deadline(services, definition),
        *_scope(services, definition),
        *_priorities(services, definition),
    ]


def _places(services: Services, definition: Definition) -> Iterator[str]:
    known = ", ".join(sorted(services.locations))
    destination = services.locations.get(definition.destination)
    if destination is None:
        yield f"destination: found {definition.destination!r}, configured locations are {known}"
    elif not destination.writable:
        yield f"destination: {destination.name!r} is configured for reading only"
    if definition.source is not None and definition.source not in services.locations:
        yield f"source: found {definition.source!r}, configured locations are {known}"
    if definition.source is not None and definition.source == definition.destination:
        yield f"source: {definition.source!r} is also the destination"


def _thaw(definition: Definition) -> Iterator[str]:
    tier, days = definition.thaw_tier, definition.thaw_days
    if tier is not None and tier not in {*ThawTier, AUTO}:
        yield f"thaw tier: found {tier!r}, allowed are {', '.join([*ThawTier, AUTO])}"
    if tier == AUTO and definition.deadline is None:
        yield "thaw tier: auto is the cheapest tier that makes the deadline, and there is no deadline"
    for name, wanted in definition.thaw_tiers.items():
        if not is_archive_class(name):
            yield f"thaw tiers: {name!r} is no storage class that is thawed"
        elif wanted not in allowed_tiers(name):
            yield f"thaw tiers: found {wanted!r} for {name}, allowed are {', '.join(sorted(allowed_tiers(name)))}"
    if days is not None and not 1 <= days <= _MAX_THAW_DAYS:
        yield f"thaw days: found {days}, allowed are 1 to {_MAX_THAW_DAYS}"


def _deadline(services: Services, definition: Definition) -> Iterator[str]:
    if definition.deadline is None:
        if definition.after_deadline is AfterDeadline.START_NOTHING:
            yield f"after deadline: found {definition.after_deadline}, and there is no deadline"
    elif definition.deadline <= services.clock():
        yield f"deadline: {definition.deadline:%Y-%m-%d %H:%M} is over"


def _scope(services: Services, definition: Definition) -> Iterator[str]:
    for name in definition.scope.bags:
        yield from _bag(services, name, "scope")


def _priorities(services: Services, definition: Definition) -> Iterator[str]:
    if definition.priorities and definition.order is not Order.PRIORITY:
        yield f"priorities: they count in the order {Order.PRIORITY} alone, and the order is {definition.order}"
    for name, priority in definition.priorities.items():
        if not -MOST_URGENT <= priority <= MOST_URGENT:
            yield f"priorities: found {priority} for {name}, allowed are {-MOST_URGENT} to {MOST_URGENT}"
        if "/" in name:
            yield from _bag(services, name, "priorities")
        else:
            yield from _space(name)


def _space(name: str) -> Iterator[str]:
    try:
        Space.stored(name)
    except InvalidIdentifier as error:
        yield f"priorities: found {name!r}, needed is SPACE/ID or SPACE: {error}"


def _bag(services: Services, name: str, where: str) -> Iterator[str]:
    try:
        versions = services.registry.versions(BagId.parse(name, stored=True))
    except InvalidIdentifier as error:
        yield f"{where}: found {name!r}, needed is SPACE/ID: {error}"
        return
    if not versions:
        yield f"{where}: bag {name} is not known; bagfill import LOCATION learns bags"
