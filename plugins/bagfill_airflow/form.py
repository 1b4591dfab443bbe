"""Params of the DAGs: what the form in the UI shows, and what Airflow checks before a run exists.

The names of locations come from the settings file, which is read when the DAG is parsed: a small file, no connection.
If it cannot be read, the DAG still loads, says so in its documentation, and the run refuses what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from airflow.sdk import Param

from bagfill.audit.model import AuditMode
from bagfill.settings import SettingsError
from bagfill.settings.storage_service import RegisteredBags
from bagfill.storage.store import ThawTier
from bagfill_airflow.services import current_settings

MOST_STARTS = 1_000_000
"""Bags that one sweep may start."""


CAMPAIGN_NAME = "^[a-z0-9][a-z0-9-]{0,62}$"


@dataclass(frozen=True, slots=True)
class Places:
    """Names of locations that a form offers.

    Args:
        all: every location.
        writable: those that may be destinations.
        problem: why they are not known, in Markdown, for the DAG's documentation; empty if they are.
        tells_service: whether a storage service is shown ingests.
        reads_service: whether a storage service's own manifests are the registry.
        registered_bags: where a storage service announces new bags, if somebody listens.
    """

    all: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    problem: str = ""
    tells_service: bool = False
    reads_service: bool = False
    registered_bags: RegisteredBags | None = None

    @classmethod
    def read(cls) -> Self:
        """From the settings."""
        try:
            settings = current_settings()
        except SettingsError as error:
            problems = "".join(f"\n- {problem}" for problem in error.problems)
            return cls(problem=f"\n\n## The settings cannot be used\n\n`{error.path}`:\n{problems}\n")
        writable = tuple(name for name, location in settings.locations.items() if location.writable)
        tells = settings.service_ingests is not None
        return cls(
            tuple(settings.locations),
            writable,
            tells_service=tells,
            reads_service=settings.service_manifests is not None,
            registered_bags=settings.registered_bags,
        )


def backfill_params(places: Places) -> dict[str, Param]:
    """Params of ``backfill_bag``: the fields of a request."""
    return {
        "space": _text("Space", "Broad category of the bag, such as `digitised`.", pattern=r"^[^/]+$"),
        "external_identifier": _text(
            "External identifier", "The bag's identifier in its space, such as `b31497652` or `born/digital 2`."
        ),
        "destination": _text("Destination", "The location that gains the replica.", **_choice(places.writable)),
        "version": _optional(
            "Version",
            "One bag version, `v1`, `v2`, … Empty: all that are missing at the destination, oldest first.",
            pattern="^v[1-9][0-9]{0,9}$",
        ),
        "source": _optional(
            "Source",
            "The location to read. Empty: the primary location of each version.",
            section="Reading",
            **_choice(places.all, optional=True),
        ),
        "thaw_tier": _optional(
            "Thaw tier",
            "How fast archived objects are made readable, and at what price. Empty: what the source location says. "
            "`Expedited` does not exist for DEEP_ARCHIVE.",
            section="Reading",
            **_choice(tuple(tier.value for tier in ThawTier), optional=True),
        ),
        "thaw_days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=365,
            title="Thaw days",
            description_md="How long the readable copies live. Empty: what the source location says.",
            section="Reading",
        ),
        "callback_url": _optional(
            "Callback URL",
            "Where each finished ingest is POSTed. Its host must be named in `callbacks.allowed_hosts`.",
            section="Afterwards",
            pattern="^https?://.+",
        ),
        "campaign": _campaign("The campaign whose budget it spends. Empty: none."),
    }


def campaigns_params() -> dict[str, Param]:
    """Params of ``carry_campaigns``."""
    return {
        "limit": Param(
            1000,
            type="integer",
            minimum=1,
            maximum=MOST_STARTS,
            title="Limit",
            description_md="Bags that each campaign starts at most, besides its own caps.",
        )
    }


def approval_params() -> dict[str, Param]:
    """Params of ``approve_campaign``."""
    return {"campaign": _text("Campaign", "One that waits for approval.", pattern=CAMPAIGN_NAME)}


def _campaign(description: str) -> Param:
    return _optional("Campaign", description, section="Budget", pattern=CAMPAIGN_NAME)


def sweep_params(places: Places) -> dict[str, Param]:
    """Params of ``sweep_unbackfilled_bags``."""
    return {
        "destination": _optional(
            "Destination",
            "Only what is missing here. Empty: every location that a policy names.",
            **_choice(places.writable, optional=True),
        ),
        "space": _optional("Space", "Only bags of this space. Empty: every space.", pattern=r"^[^/]+$"),
        "campaign": _campaign(
            "Only what this campaign starts now, in its order and within its caps; destination and space stay empty."
        ),
        "limit": Param(
            1000,
            type="integer",
            minimum=1,
            maximum=MOST_STARTS,
            title="Limit",
            description_md="Bags to start at most; oldest versions first.",
        ),
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run",
            description_md="Only say what would be started: all in the log of `sweep`, 50 in its XCom `would_start`.",
        ),
    }


def parcels_params() -> dict[str, Param]:
    """Params of ``backfill_parcels``."""
    return {
        "shipment": _text(
            "Shipment",
            "Id of the parcels, as the sweep wrote them to the work area.",
            pattern="^[0-9a-f]{32}$",
        )
    }


def audit_params(places: Places) -> dict[str, Param]:
    """Params of ``audit_replicas``."""
    return {
        "location": _optional(
            "Location", "Only replicas here. Empty: every location.", **_choice(places.all, optional=True)
        ),
        "mode": _optional(
            "Mode",
            "Look at everything in the scope now: `list` compares listings, `read` reads every byte, `sample` reads "
            "files drawn at random. Empty: read today's share.",
            **_choice(tuple(mode.value for mode in AuditMode), optional=True),
        ),
        "space": _optional("Space", "Only bags of this space. Empty: every space.", pattern=r"^[^/]+$"),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description_md="Replicas to look at, at most, at each location. Empty: no limit.",
        ),
    }


def check_params(places: Places) -> dict[str, Param]:
    """Params of ``check_installation``."""
    return {
        "location": _optional("Location", "Only this one. Empty: everything.", **_choice(places.all, optional=True)),
    }


def _text(title: str, description: str, **schema: Any) -> Param:
    return Param(type="string", minLength=1, title=title, description_md=description, **schema)


def _optional(title: str, description: str, **schema: Any) -> Param:
    return Param(None, type=["null", "string"], title=title, description_md=description, **schema)


def _choice(names: tuple[str, ...], *, optional: bool = False) -> dict[str, Any]:
    if not names:
        return {}
    return {"enum": [*names, None] if optional else list(names)}
