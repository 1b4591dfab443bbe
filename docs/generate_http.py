"""The reference page of the HTTP API, from the OpenAPI document of the application itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_INTRODUCTION = """# HTTP API

Mounted in Airflow's API server at `/bagfill`; each route demands Airflow's authentication. `/bagfill/openapi.json` is
the OpenAPI document of the running installation, with its own locations; this page is written from it.
[How to use it](../howto/http-api.md).

"""

Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]


def http_api(settings: Path, table: Table) -> str:
    """Every route with its parameters and answers.

    Args:
        settings: the example settings file, whose locations the document names.
        table: writes a Markdown table of a head and rows.
    """
    from bagfill.ingests.callback_rules import CallbackRules
    from bagfill.settings import load_settings
    from bagfill_airflow.api.app import create_app, openapi

    document = openapi(create_app(_nowhere()), load_settings(settings).locations.values(), CallbackRules())
    routes = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    overview = table(("Route", "What it does"), ((f"`{m.upper()} /bagfill{p}`", _words(one)) for p, m, one in routes))
    chapters = ("\n".join(_chapter(p, m, operation, table)) for p, m, operation in routes)
    return _INTRODUCTION + overview + "\n" + "\n".join(chapters)


def _nowhere() -> Any:
    """No surroundings: the document of an application is asked for, and nothing is served."""
    return None


def _chapter(path: str, method: str, operation: dict[str, Any], table: Table) -> Iterator[str]:
    yield f"## `{method.upper()} /bagfill{path}`\n"
    yield f"{_words(operation)}\n"
    parameters = operation.get("parameters", [])
    if parameters:
        rows = (
            (f"`{one['name']}`", one["in"], "yes" if one.get("required") else "", one.get("description", ""))
            for one in parameters
        )
        yield table(("Parameter", "In", "Needed", "Meaning"), rows)
    rows = ((code, answer["description"]) for code, answer in sorted(operation["responses"].items()))
    yield table(("Answer", "When"), rows)


def _words(operation: dict[str, Any]) -> str:
    return str(operation.get("description") or operation["summary"])
