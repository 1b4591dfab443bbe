"""The connections that the settings name: whether this process has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.settings import Settings

_NAMES = {"connection", "callback_secret"}


def examine_connections(settings: Settings, is_set: Callable[[str], bool]) -> Sequence[Finding]:
    """What is to be said of each, once.

    Args:
        settings: of this installation.
        is_set: whether there is a connection of an id.
    """
    return [
        Finding("connection-not-set", name, None, name, good("set") if is_set(name) else _missing(name))
        for name in sorted(set(_named(settings)))
    ]


def _missing(name: str) -> Diagnosis:
    advice = (
        f"Set AIRFLOW_CONN_{name.upper()}, or make the connection in Airflow; a command in a shell does not see"
        " those of Airflow's database."
    )
    return Diagnosis(Verdict.NOTE, "not set here: the provider's default credentials are tried", advice)


def _named(value: object) -> Iterator[str]:
    """Every id of a connection, wherever a setting names one: a new setting is found by its name."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _named(each)
    elif is_dataclass(value):
        for field in fields(value):
            held = getattr(value, field.name)
            if not isinstance(held, str):
                yield from _named(held)
            elif field.name in _NAMES or field.name.endswith("_connection"):
                yield held
