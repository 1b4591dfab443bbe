"""``bagfill locations``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bagfill.cli.answers import Answers, Exit
from bagfill.settings import Settings, load_settings
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location
from bagfill.wiring import OpenedStores


@dataclass(frozen=True, slots=True)
class _Place:
    location: Location
    is_area: bool
    problem: str | None = None
    """What failed; ``None``: nothing, or nobody tried."""

    def to_json(self, *, checked: bool) -> dict[str, Any]:
        location = self.location
        document: dict[str, Any] = {
            "name": location.name,
            "kind": "area" if self.is_area else "location",
            "provider": location.provider.value,
            "bucket": location.bucket,
            "prefix": location.prefix,
            "writable": location.writable,
        }
        if checked:
            document |= {"ok": self.problem is None, "problem": self.problem}
        return document


def run(answers: Answers, config: Path | None, *, check: bool) -> Exit:
    """List locations and areas, and with ``check`` try each."""
    settings = load_settings(config)
    places = [_Place(location, is_area=False) for location in settings.locations.values()]
    places += [
        _Place(area.location, is_area=True) for area in (settings.work_area, settings.receipts, settings.manifests)
    ]
    if check:
        with OpenedStores(EnvironmentCredentials(os.environ)) as stores:
            places = [_Place(place.location, place.is_area, _problem(stores, place)) for place in places]
    if answers.as_json:
        answers.document(
            {"settings": str(settings.path), "locations": [place.to_json(checked=check) for place in places]}
        )
    else:
        _show(answers, settings, places, checked=check)
    return Exit.NEGATIVE if any(place.problem for place in places) else Exit.DONE


def _problem(stores: OpenedStores, place: _Place) -> str | None:
    location = place.location
    try:
        if place.is_area:
            identities = [stores.area(location)]
        else:
            identities = [stores.reading(location)] + ([stores.writing(location)] if location.writable else [])
        for store in identities:
            next(iter(store.list_folders(location.prefix)), None)
    except (StoreError, CredentialsError) as error:
        return str(error)
    return None


def _show(answers: Answers, settings: Settings, places: list[_Place], *, checked: bool) -> None:
    table = Table(title=f"Settings: {settings.path}", title_justify="left")
    for column in ("name", "provider", "place", "writable", *(["check"] if checked else [])):
        table.add_column(column, overflow="fold")
    for place in places:
        location = place.location
        table.add_row(
            f"[italic]{location.name}[/]" if place.is_area else location.name,
            location.provider.value,
            f"{location.bucket.rstrip('/')}/{location.prefix}",
            "yes" if location.writable else "no",
            *(["ok" if place.problem is None else "failed"] if checked else []),
        )
    answers.table(table)
    for place in places:
        if place.problem is not None:
            answers.text(f"{place.location.name}: {place.problem}")
