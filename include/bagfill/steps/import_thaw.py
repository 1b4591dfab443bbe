"""Import bags whose tag files are archived: ask for these few small files, wait, and read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bagfill.steps.import_folders import VersionFolders
from bagfill.steps.import_location import (
    ImportedBag,
    ImportOutcome,
    ImportProgress,
    import_folder,
    importable_location,
)
from bagfill.steps.services import Services
from bagfill.steps.thaw_asking import asker_of
from bagfill.storage.errors import StoreError
from bagfill.storage.store import ArchiveState, ObjectInfo, ObjectStore
from bagfill.thaw.asking import AskTerms, Wanted


def thaw_and_import(
    services: Services,
    location_name: str,
    bags: Sequence[ImportedBag],
    *,
    progress: ImportProgress | None = None,
    waiting: Callable[[int], None] | None = None,
    poll_seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[ImportedBag, ...]:
    """Thaw the tag files of bags that an import left out, wait until they can be read, and import these bags.

    Asking again for a thaw that is under way costs nothing, so an interrupted call can simply be repeated.

    Args:
        services: as for the import; the location's thaw defaults decide tier and days.
        location_name: of a configured location.
        bags: of an :class:`~bagfill.steps.import_location.ImportResult`, ``needs_thaw``.
        progress: is told of each bag that is dealt with.
        waiting: is told now and then how many tag files are not readable yet.
        poll_seconds: between two looks.
        sleep: waits; a test passes its own.

    Returns:
        Each bag again, with its new outcome: UNREADABLE with the provider's answer where a thaw was refused.
    """
    location = importable_location(services, location_name)
    store = services.stores.reading(location)
    seen = services.clock()
    terms = AskTerms(f"import of {location_name}", location.thaw.tier, location.thaw.days, seen)
    wanted = [Wanted(info) for bag in bags for info in _archived(store, bag)]
    answers = asker_of(services, location).ask(wanted, terms)
    refused = {refusal.key: str(refusal.error) for refusal in answers.refusals}
    done: list[ImportedBag] = []

    def finish(bag: ImportedBag) -> None:
        done.append(bag)
        if progress is not None:
            progress.finished(bag)

    pending: list[tuple[ImportedBag, list[str]]] = []
    for bag in bags:
        if reasons := tuple(refused[key] for key in bag.archived if key in refused):
            finish(replace(bag, outcome=ImportOutcome.UNREADABLE, problems=reasons, archived=()))
        else:
            pending.append((bag, list(bag.archived)))
    while pending:
        still: list[tuple[ImportedBag, list[str]]] = []
        for bag, archived in pending:
            try:
                left = [key for key in archived if (info := store.stat(key)) is not None and not info.is_readable]
                if left:
                    still.append((bag, left))
                    continue
                listing = store.list(f"{location.prefix}{bag.name}/")
                for folder in VersionFolders(listing, location.prefix):
                    finish(import_folder(services, store, location, folder))
            except StoreError as error:
                finish(replace(bag, outcome=ImportOutcome.UNREADABLE, problems=(str(error),), archived=()))
        pending = still
        if pending:
            if waiting is not None:
                waiting(sum(len(archived) for _, archived in pending))
            sleep(poll_seconds)
    return tuple(done)


def _archived(store: ObjectStore, bag: ImportedBag) -> list[ObjectInfo]:
    """The tag files that are archived still; one that cannot be looked at is looked at again later."""
    infos: list[ObjectInfo] = []
    for key in bag.archived:
        try:
            info = store.stat(key)
        except StoreError:
            continue
        if info is not None and info.archive is ArchiveState.ARCHIVED:
            infos.append(info)
    return infos
