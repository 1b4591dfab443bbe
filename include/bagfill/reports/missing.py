"""What is missing at a location and why, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.model import Ingest
from bagfill.ingests.tracker import IngestTracker
from bagfill.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class MissingLine:
    """One bag version that is not registered at a location.

    Args:
        bag_version: which.
        ingest: the newest that was to bring it there; ``None``: nobody tried yet.
    """

    bag_version: BagVersionId
    ingest: Ingest | None


@dataclass(frozen=True, slots=True)
class MissingPage:
    """Some of what is missing.

    Args:
        lines: ascending by (version, space, external identifier).
        after: the last of the page, if there are more behind it.
    """

    lines: Sequence[MissingLine]
    after: BagVersionId | None


def missing_page(
    registry: Registry,
    ingests: IngestTracker,
    location: str,
    *,
    space: str | None = None,
    after: BagVersionId | None = None,
    limit: int = 50,
) -> MissingPage:
    """One page of what is missing at a location. Two statements, whatever the size of the registry.

    Args:
        space: only of this space.
        after: the last of the page before.
        limit: bag versions of a page.
    """
    spaces = None if space is None else [space]
    found = list(registry.missing(location, spaces=spaces, limit=limit + 1, after=after))
    shown = found[:limit]
    tried = ingests.of_bags({each.bag for each in shown}, location)
    lines = []
    for each in shown:
        about = (ingest for ingest in tried.get(each.bag, ()) if ingest.bag_version == each)
        lines.append(MissingLine(each, next(about, None)))
    return MissingPage(tuple(lines), shown[-1] if len(found) > limit else None)
