"""Look at one bag version for a plan: one listing of its folder, and its tag files if they are to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bagfill.bag.identifiers import BagVersionId
from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.ingests.reasons import Reason
from bagfill.planning.collection import Amount, ClassKey, Largest
from bagfill.planning.shards import block_bytes_for
from bagfill.steps.judgement import BagAt, judge
from bagfill.steps.listings import list_version
from bagfill.steps.services import Services
from bagfill.steps.tag_files import read_tag_files
from bagfill.storage.held_names import name_problems
from bagfill.storage.store import ObjectInfo


@dataclass(slots=True)
class Seen:
    """What was found of one bag version.

    Args:
        classes: of its objects.
        largest_file: of them.
        refusal: why it cannot go, as a stable code and in words; ``None``: nothing is known against it.
    """

    classes: dict[ClassKey, Amount] = field(default_factory=dict)
    largest_file: Largest = field(default_factory=Largest)
    refusal: tuple[str, str] | None = None

    @property
    def archived(self) -> Amount:
        """Objects that need a thaw."""
        total = Amount()
        for key, amount in self.classes.items():
            if key.archived:
                total.add(amount.objects, amount.bytes, amount.requests)
        return total

    @property
    def whole(self) -> Amount:
        """All objects."""
        total = Amount()
        for amount in self.classes.values():
            total.add(amount.objects, amount.bytes, amount.requests)
        return total


def look_at(
    services: Services, bag_version: BagVersionId, source: str, destination: str, *, tag_files: bool = False
) -> Seen:
    """List a bag version's folder at the source, and hold its names against the destination's rules.

    An object counts as archived if it needs a thaw now; one that is restored, or being restored, is found so only where
    listings tell.

    Args:
        source, destination: names of locations.
        tag_files: whether tag files are read and judged too, where they can be read.

    Raises:
        StoreError: the source did not answer.
    """
    place, target = services.locations[source], services.locations[destination]
    store = services.stores.reading(place)
    listed = list_version(store, place, bag_version)
    seen = Seen()
    for path, info in listed.items():
        blocks = block_bytes_for(info.size, services.limits)
        requests = 1 if not blocks else -(-info.size // blocks) + 2
        seen.classes.setdefault(ClassKey(info.storage_class, not info.is_readable), Amount()).add(
            1, info.size, requests
        )
        seen.largest_file.offer(f"{bag_version}/{path}", info.size)
    if not listed:
        seen.refusal = (Reason.SOURCE_INCOMPLETE.code, f"nothing lies at {source}")
        return seen
    rules = services.stores.reading(target).name_rules
    problems = name_problems(rules, target.names, target.version_prefix(bag_version), listed)
    if problems:
        seen.refusal = (Reason.NAME_REFUSED.code, problems[0])
    elif tag_files:
        seen.refusal = _unsound(services, bag_version, source, destination, listed)
    return seen


def _unsound(
    services: Services, bag_version: BagVersionId, source: str, destination: str, listed: Mapping[str, ObjectInfo]
) -> tuple[str, str] | None:
    stored = services.registry.manifest(bag_version)
    if stored is None:
        return (Reason.BAG_GONE.code, "the registry does not know it any more")
    manifest = stored.manifest
    wanted = tag_files_to_read(listed)
    if not all(listed[path].is_readable for path in wanted):
        # Nothing is known before they are thawed, and planning pays for nothing.
        return None
    place = services.locations[source]
    prefix = place.version_prefix(bag_version)
    own = {path: info.size for path, info in listed.items()}
    elsewhere = {file.name: file.size for file in manifest.files if file.version != bag_version.version}
    read = read_tag_files(services.stores.reading(place), prefix, (listed[path] for path in wanted))
    verdict = judge(services, manifest, destination, BagAt(own, read, elsewhere))
    return (Reason.BAG_INVALID.code, verdict.problems[0]) if verdict.problems else None
