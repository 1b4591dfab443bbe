"""``bagfill plan``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.plan_bar import PlanBar
from bagfill.cli.plan_tables import show_plan
from bagfill.cli.services import services_for
from bagfill.planning.costs import Pair
from bagfill.planning.forecast import forecasts
from bagfill.planning.plan import BackfillPlan, Looked
from bagfill.planning.prices import PriceTable
from bagfill.planning.rates import Rate
from bagfill.planning.times import Bounds
from bagfill.settings import Settings, load_settings
from bagfill.settings.prices import find_price_table
from bagfill.steps.inventory_file import InventoryError, read_inventory
from bagfill.steps.plan_collection import Look, plan_collection
from bagfill.steps.plan_inventory import collect
from bagfill.steps.plan_scope import PlanScope, ScopeError
from bagfill.storage.location import VERIFY_RATE, Location, Provider, ThawDefaults
from bagfill.storage.names import AZURE_NAMES, LOCAL_NAMES, S3_NAMES
from bagfill.wiring import price_lookup

_NAMES = {
    Provider.AMAZON_S3: S3_NAMES,
    Provider.AZURE_BLOB_STORAGE: AZURE_NAMES,
    Provider.LOCAL: LOCAL_NAMES,
}


@dataclass(frozen=True, slots=True)
class InventoryOrder:
    """What ``bagfill plan --inventory`` was asked for.

    Args:
        file: the list.
        to: name of the destination; ``None``: none yet.
        source: name of the location that the list is of; ``None``: none of ours.
        prices_from, prices_to: names of price tables, instead of those of the locations.
        days: how long thawed copies are to live.
    """

    file: Path
    to: str | None
    source: str | None
    prices_from: str | None
    prices_to: str | None
    days: int | None


def run_inventory(answers: Answers, config: Path | None, order: InventoryOrder) -> Exit:
    """Plan from a list; nothing but files of this computer is opened."""
    settings = load_settings(config)
    source, destination = _location(settings, "--from", order.source), _location(settings, "--to", order.to)
    lookup, folder = price_lookup(settings), settings.path.parent / "prices"

    def table(name: str | None, location: Location | None) -> PriceTable | None:
        if name is not None:
            return find_price_table(name, folder)
        return None if location is None else lookup(location.name)

    pair = Pair(
        source=table(order.prices_from, source),
        destination=table(order.prices_to, destination),
        source_name=order.source or "the source (name it with --from, or its prices with --prices-from)",
        destination_name=order.to or "the destination (name it with --to, or its prices with --prices-to)",
        verifies_at_destination=order.to is not None and settings.forecast.workers_at == order.to,
        copies_at_source=order.source is not None and settings.forecast.workers_at == order.source,
    )
    names = None if destination is None else _NAMES[destination.provider]
    prefix = "" if destination is None else destination.prefix
    try:
        with PlanBar(answers.aside, f"Reading {order.file.name}", _size(order.file)) as bar:
            objects = bar.counted(read_inventory(order.file, advanced=bar.advanced))
            collection = collect(objects, settings.limits, names=names, prefix=prefix)
    except InventoryError as error:
        raise CommandError(str(error)) from None
    rate = Rate(settings.forecast.seconds_a_file, 1 / (VERIFY_RATE if destination is None else destination.verify_rate))
    bounds = Bounds(
        workers=settings.forecast.workers,
        copy=rate,
        verify=rate,
        thaw_requests_per_second=settings.limits.thaw_requests_per_second,
        bandwidth=settings.forecast.bandwidth,
    )
    days = order.days or (source.thaw if source is not None else ThawDefaults()).days
    plan = BackfillPlan(
        scope=str(order.file),
        source=order.source or "",
        destination=order.to or "",
        looked=Looked.INVENTORY,
        collection=collection,
        classes=collection.classes,
        tiers=forecasts(collection.classes, pair, days=days, bounds=bounds),
        days=days,
        copy=rate,
        verify=rate,
        source_prices=pair.source,
        destination_prices=pair.destination,
    )
    return _answer(answers, plan)


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What ``bagfill plan`` was asked for; see the options of the command."""

    to: str
    source: str | None
    bag: str | None
    space: str | None
    prefix: str | None
    list_file: Path | None
    look: str
    tag_files: bool
    days: int | None


def run(answers: Answers, config: Path | None, order: PlanOrder) -> Exit:
    """Plan from the registry and listings of the source."""
    if order.look not in set(Look):
        raise CommandError(f"--look: found {order.look!r}, allowed are {', '.join(Look)}")
    with services_for(config) as services, PlanBar(answers.aside, f"Planning for {order.to}") as bar:
        for option, name in (("--to", order.to), ("--from", order.source)):
            if name is not None and name not in services.locations:
                known = ", ".join(services.locations)
                raise CommandError(f"{option}: found {name!r}, configured locations are {known}")
        try:
            plan = plan_collection(
                services,
                PlanScope(order.bag, order.space, order.prefix, order.list_file),
                destination=order.to,
                source=order.source,
                look=Look(order.look),
                tag_files=order.tag_files,
                days=order.days,
                counted=bar.known,
                looked=bar.looked,
            )
        except ScopeError as error:
            raise CommandError(str(error)) from None
    return _answer(answers, plan)


def _answer(answers: Answers, plan: BackfillPlan) -> Exit:
    if answers.as_json:
        answers.document(plan.to_json())
    else:
        show_plan(answers, plan)
    return Exit.NEGATIVE if plan.collection.refused else Exit.DONE


def _location(settings: Settings, option: str, name: str | None) -> Location | None:
    if name is None:
        return None
    if name not in settings.locations:
        raise CommandError(f"{option}: found {name!r}, configured locations are {', '.join(settings.locations)}")
    return settings.locations[name]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.suffix != ".json" else None
    except OSError:
        return None
