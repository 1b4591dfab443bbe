"""Open one ingest per bag version that is to be replicated, and claim the right to write it.

Nothing is opened for a request that is wrong in itself. A bag version that can't be replicated now (claimed by
another run, or older versions missing) gets an ingest that says so, so that whoever asked finds the reason.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID, uuid5

from bagfill.bag.identifiers import BagVersion, BagVersionId
from bagfill.campaigns.ledger import CampaignHalted, Halted
from bagfill.ingests.model import Callback, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import EventUpdate, IdTaken, Opened
from bagfill.logs import Line, about, tell
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import Claim, HeldByAnother
from bagfill.steps.failures import record_failure
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.service_ready import service_not_ready
from bagfill.steps.services import Services
from bagfill.storage.location import Location, ThawDefaults

logger = logging.getLogger(__name__)

_INGEST_IDS = UUID("6f0d3a52-7c5e-5b0e-9d0a-2b1f5f0c9a11")
"""Namespace: an ingest's id follows from request, bag version and destination, so a retry opens the same ingest."""


@dataclass(frozen=True, slots=True)
class RefusedVersion:
    """A bag version that can't be replicated now; its ingest says why."""

    bag_version: str
    ingest_id: str
    failure: StepFailed


@dataclass(frozen=True, slots=True)
class OpenedIngests:
    """What a request came to.

    Args:
        refs: open ingests, ascending by version.
        refused: bag versions whose ingest was opened and ended at once.
        already_there: bag versions that are registered at the destination already.
        left_over: how many bag versions are left to the next run.
    """

    refs: tuple[IngestRef, ...]
    refused: tuple[RefusedVersion, ...]
    already_there: tuple[str, ...]
    left_over: int


def ingest_id_of(request_id: str, bag_version: BagVersionId, destination: str) -> UUID:
    """The id of the ingest that a request opens for one bag version."""
    return uuid5(_INGEST_IDS, f"{request_id}\n{bag_version}\n{destination}")


def open_ingests(services: Services, request: BackfillRequest) -> OpenedIngests | StepFailed:
    """Resolve the request's bag versions, open their ingests and take their claims.

    Calling it again with the same request finds the same ingests and claims.

    Returns:
        the open ingests, or the failure that no such bag (version) is known, or that a storage service which is to be
        told of them lacks what that needs.
    """
    not_ready = service_not_ready(services)
    if not_ready is not None:
        return not_ready
    asked = asked_versions(services, request)
    if isinstance(asked, StepFailed):
        return asked
    opening = _Opening(services, request, present=set(asked.there))
    for version in asked.now:
        opening.open(version)
    services.post.send_beside_work()
    for there in asked.asked_and_there:
        bag, destination = str(request.bag), request.destination
        tell(logger, Line.ALREADY_THERE, bag=bag, version=str(there), destination=destination)
    return OpenedIngests(
        refs=tuple(opening.refs),
        refused=tuple(opening.refused),
        already_there=tuple(str(BagVersionId(request.bag, version)) for version in asked.asked_and_there),
        left_over=len(asked.missing) - len(asked.now),
    )


def announce_ingests(services: Services, request: BackfillRequest) -> tuple[Ingest, ...]:
    """Open the ingests of a request whose run was started a moment ago, so that they can be followed at once.

    They are the ones that :func:`open_ingests` of that run finds, or opened before us; it alone claims and refuses.

    Returns:
        the ingests as they are, ascending by version.
    """
    asked = asked_versions(services, request)
    if not isinstance(asked, StepFailed):
        opening = _Opening(services, request, present=set())
        for version in asked.now:
            opening.announce(version)
    return tuple(services.ingests.of_request(request.request_id))


@dataclass(frozen=True, slots=True)
class AskedVersions:
    """The bag versions that a request is about, ascending.

    Args:
        asked: the one that is named, or all that are known.
        there: of all that are known, those registered at the destination.
        missing: asked for and not there.
        now: of these, what one run takes.
    """

    asked: tuple[BagVersion, ...]
    there: tuple[BagVersion, ...]
    missing: tuple[BagVersion, ...]
    now: tuple[BagVersion, ...]

    @property
    def asked_and_there(self) -> tuple[BagVersion, ...]:
        """Asked for and registered already."""
        return tuple(version for version in self.asked if version in self.there)


def asked_versions(services: Services, request: BackfillRequest) -> AskedVersions | StepFailed:
    """Resolve the bag versions of a request, or say that no such bag (version) is known."""
    known = services.registry.versions(request.bag)
    if not known:
        return StepFailed(Reason.NO_SUCH_BAG, f"No bag {request.bag} is known.")
    if request.version is not None and request.version not in known:
        versions = ", ".join(map(str, known))
        return StepFailed(Reason.NO_SUCH_BAG, f"Bag {request.bag} has no version {request.version}; known: {versions}.")
    asked = (request.version,) if request.version is not None else tuple(known)
    there = tuple(v for v in known if _is_registered(services, BagVersionId(request.bag, v), request.destination))
    missing = tuple(version for version in asked if version not in there)
    return AskedVersions(asked, there, missing, missing[: services.limits.versions_per_run])


class _Opening:
    """Opens versions in ascending order; a version counts as present for later ones once it was opened."""

    def __init__(self, services: Services, request: BackfillRequest, present: set[BagVersion]) -> None:
        self._services = services
        self._request = request
        self._present = present
        campaign = None if request.campaign is None else services.campaigns.get(request.campaign)
        self._campaign = campaign
        self._preferred = None if campaign is None else campaign.definition.source
        self.refs: list[IngestRef] = []
        self.refused: list[RefusedVersion] = []

    def announce(self, version: BagVersion) -> None:
        bag_version = BagVersionId(self._request.bag, version)
        stored = self._services.registry.manifest(bag_version)
        if stored is not None:
            self._open_ingest(self._ref(bag_version, self._source(stored.manifest)), bag_version)

    def open(self, version: BagVersion) -> None:
        bag_version = BagVersionId(self._request.bag, version)
        stored = self._services.registry.manifest(bag_version)
        if stored is None:
            # Deleted between the two questions; the next sweep will not ask for it.
            return
        source = self._source(stored.manifest)
        ref = self._ref(bag_version, source)
        self._open_ingest(ref, bag_version)
        failure = self._campaign_halted() or (
            source if isinstance(source, StepFailed) else self._older_missing(stored.manifest)
        )
        if failure is not None:
            self._refuse(ref, failure)
            return
        match self._services.registry.acquire(
            bag_version, ref.destination, holder=ref.ingest_id, lease=self._services.limits.lease
        ):
            case Claim(token=token):
                self.refs.append(IngestRef.from_json({**ref.to_json(), "token": token}))
                with about(ref):
                    tell(logger, Line.INGEST_OPENED, thaw_tier=ref.thaw_tier, thaw_days=ref.thaw_days)
                self._present.add(version)
            case HeldByAnother(holder=holder, expires=expires):
                message = (
                    f"{bag_version} is being replicated to {ref.destination} by ingest {holder}, "
                    f"whose claim lasts until {expires:%Y-%m-%dT%H:%M:%SZ}."
                )
                self._refuse(ref, StepFailed(Reason.ALREADY_RUNNING, message))

    def _ref(self, bag_version: BagVersionId, source: Location | StepFailed) -> IngestRef:
        name = source.name if isinstance(source, Location) else (self._request.source or "(unknown)")
        thaw = source.thaw if isinstance(source, Location) else ThawDefaults()
        return IngestRef(
            ingest_id=str(ingest_id_of(self._request.request_id, bag_version, self._request.destination)),
            bag_version=str(bag_version),
            source=name,
            destination=self._request.destination,
            token=0,
            thaw_tier=(self._request.thaw_tier or thaw.tier).value,
            thaw_days=self._request.thaw_days or thaw.days,
            campaign=self._request.campaign or "",
        )

    def _campaign_halted(self) -> StepFailed | None:
        """A run may have been started before its campaign was paused, and opened after."""
        campaign = self._campaign
        if campaign is None or campaign.state.starts_bags:
            return None
        halted = Halted(campaign.state, campaign.why)
        return StepFailed(Reason.CAMPAIGN_HALTED, f"{self._request.bag}: {CampaignHalted(campaign.name, halted)}.")

    def _open_ingest(self, ref: IngestRef, bag_version: BagVersionId) -> None:
        request, now = self._request, self._services.clock()
        answer = self._services.ingests.open(
            Ingest(
                id=UUID(ref.ingest_id),
                bag_version=bag_version,
                source=ref.source,
                destination=ref.destination,
                status=IngestStatus.ACCEPTED,
                created=now,
                request_id=request.request_id,
                callback=None if request.callback_url is None else Callback(request.callback_url),
                campaign=request.campaign,
            )
        )
        match answer:
            case Opened(is_new=True):
                text = f"Replicating to {ref.destination} accepted - from {ref.source}"
                self._services.ingests.update(UUID(ref.ingest_id), EventUpdate((IngestEvent.of(text, now),)))
            case Opened():
                pass
            case IdTaken(ingest=other):
                msg = f"ingest {ref.ingest_id} exists for another purpose: {other.bag_version} to {other.destination}"
                raise RuntimeError(msg)

    def _refuse(self, ref: IngestRef, failure: StepFailed) -> None:
        # Final for this request, even where a later one may succeed: there is no step that would retry it.
        failure = record_failure(self._services, ref, f"replicating to {ref.destination}", failure, final=True)
        self.refused.append(RefusedVersion(ref.bag_version, ref.ingest_id, failure))

    def _source(self, manifest: StorageManifest) -> Location | StepFailed:
        """The location to read: the one asked for if the manifest lists it, else the campaign's, else the primary."""
        wanted = self._request.source
        candidates = [
            loc for loc in self._services.locations.values() if manifest.is_at(loc.in_manifest(manifest.id.bag))
        ]
        if wanted is not None:
            for location in candidates:
                if location.name == wanted:
                    return location
            there = ", ".join(location.name for location in candidates) or "no configured location"
            return StepFailed(
                Reason.BAD_REQUEST, f"{manifest.id} is not registered at source {wanted}; it is at {there}."
            )
        preferred = self._preferred
        for location in candidates:
            if location.name == preferred:
                return location
        for location in candidates:
            if manifest.location.is_same_place(location.in_manifest(manifest.id.bag)):
                return location
        return StepFailed(
            Reason.BAD_REQUEST,
            f"{manifest.id} has its primary at {manifest.location}, which is no configured location; configure it.",
        )

    def _older_missing(self, manifest: StorageManifest) -> StepFailed | None:
        lacking = sorted(manifest.depends_on - self._present)
        if not lacking:
            return None
        names = ", ".join(map(str, lacking))
        return StepFailed(
            Reason.OLDER_VERSION_MISSING,
            f"{manifest.id} fetches files from {names}, not registered at {self._request.destination}.",
        )


def _is_registered(services: Services, bag_version: BagVersionId, location: str) -> bool:
    return any(replica.location == location for replica in services.registry.replicas(bag_version))
