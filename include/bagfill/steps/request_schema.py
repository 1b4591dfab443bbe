"""What a request may be at this installation, as JSON Schema: with its locations, and the hosts that may be called.

A general schema would promise what is refused: places that are not configured, names that no bag may have. Bags whose
names are older than the rules are taken as well; the schema does not know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bagfill.ingests.callback_rules import ANY_HOST, CallbackRules
from bagfill.ingests.request_document import RequestDocument
from bagfill.storage.location import Location

SPACE_PATTERN = r"^(?!\.\.?$)[^/\x00-\x1f\x7f-\x9f]+$"
IDENTIFIER_PATTERN = (
    r"^(?!v[0-9]+/)(?!.*/v[0-9]+/)(?!.*/v[0-9]+$)(?!.*/versions$)(?!.*//)(?!.*  )(?!.*/\.\.?/)"
    r"[a-zA-Z0-9]([-_/ .a-zA-Z0-9]*[a-zA-Z0-9])?$"
)
VERSION_PATTERN = r"^v[1-9][0-9]{0,8}$"


def request_schema(locations: Iterable[Location], callbacks: CallbackRules, *, refs: str) -> dict[str, Any]:
    """The JSON Schema of a request.

    Args:
        locations: those that are configured.
        callbacks: whom a callback may reach.
        refs: how a part is referred to, with ``{model}`` for its name.

    Returns:
        the schema, with its parts under ``$defs``.
    """
    schema = RequestDocument.model_json_schema(by_alias=True, ref_template=refs)
    parts, properties = schema["$defs"], schema["properties"]
    # Parts that nothing refers to any more.
    for name in ("IdPart", "LocationPart", "ProviderPart"):
        parts.pop(name, None)
    parts["SpacePart"] = _part({"id": {"type": "string", "pattern": SPACE_PATTERN, "maxLength": 1024}}, "id")
    properties["space"] = {"$ref": refs.format(model="SpacePart")}
    info = parts["BagInfoPart"]["properties"]
    info["externalIdentifier"] |= {"pattern": IDENTIFIER_PATTERN}
    info["version"] = {**info["version"], "anyOf": [{"type": "string", "pattern": VERSION_PATTERN}, {"type": "null"}]}
    everywhere = list(locations)
    destination, source = properties["destination"], properties["sourceLocation"]
    properties["destination"] = {**_kept(destination), **_places([each for each in everywhere if each.writable])}
    properties["sourceLocation"] = {**_kept(source), "anyOf": [_places(everywhere), {"type": "null"}]}
    parts["CallbackPart"] = _part({"url": {"type": "string", "maxLength": 4096, "pattern": _urls(callbacks)}}, "url")
    if not callbacks.allowed_hosts and not callbacks.private_hosts:
        del parts["CallbackPart"]
        properties["callback"] = {"type": "null", "description": "No host may be called (`callbacks.allowed_hosts`)."}
    return schema


def _kept(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("description", "title", "default") if name in schema}


def _part(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    kind = {"type": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}}
    shape = {**kind, **properties}
    return {"type": "object", "properties": shape, "required": list(required), "additionalProperties": False}


def _places(locations: Iterable[Location]) -> dict[str, Any]:
    named = [location.name for location in locations]
    written = [
        _part(
            {
                "provider": _part({"id": {"const": location.provider.value}}, "id"),
                "bucket": {"const": location.bucket},
                "path": {"const": location.prefix.strip("/")},
            },
            "provider",
            "bucket",
            "path",
        )
        for location in locations
        if location.provider.value in {"amazon-s3", "azure-blob-storage"}
    ]
    return {"anyOf": [{"type": "string", "enum": named}, *written]} if named else {"not": {}}


def _urls(callbacks: CallbackRules) -> str:
    if ANY_HOST in callbacks.allowed_hosts:
        hosts = r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?"
    else:
        hosts = "|".join(map(re.escape, (*callbacks.allowed_hosts, *callbacks.private_hosts)))
    return rf"^https?://({hosts})(/[A-Za-z0-9._~/-]*)?$"
