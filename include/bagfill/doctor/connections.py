"""The connections that the settings name: whether this process has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.settings import Settings


def examine_connections(settings: Settings, is_set: Callable[[str], bool]) -> Sequence[Finding]:
    """What is to be said of each, once.

    Args:
        settings: of this installation.
        is_set: whether there is a connection of an id.
    """
    named = sorted({name for name in _named(settings) if name is not None})
    return [
        Finding("connection-not-set", name, None, name, good("set") if is_set(name) else _missing(name))
        for name in named
    ]


def _missing(name: str) -> Diagnosis:
    advice = (
        f"Set AIRFLOW_CONN_{name.upper()}, or make the connection in Airflow; a command in a shell does not see"
        " those of Airflow's database."
    )
    return Diagnosis(Verdict.NOTE, "not set here: the provider's default credentials are tried", advice)


def _named(settings: Settings) -> Iterator[str | None]:
    for location in settings.locations.values():
        yield location.read_connection
        yield location.inspect_connection
        yield location.thaw_connection
        if location.writable:
            yield location.write_connection
        if location.batch is not None:
            yield location.batch.connection
    for area in (settings.work_area, settings.receipts, settings.manifests):
        yield area.location.write_connection
    if settings.thaw_events is not None:
        yield settings.thaw_events.connection
    for beside in (settings.service_ingests, settings.registered_bags):
        if beside is not None:
            yield beside.connection
    if settings.signing is not None:
        yield settings.signing.connection
    yield settings.callback_secret
