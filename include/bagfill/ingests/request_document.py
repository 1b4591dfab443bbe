"""The request for an ingest as other systems POST it: the storage service's JSON, with ``ingestType.id`` ``replicate``.

What ``replicate`` needs more than its ``create`` is ``bag.info.version``, ``destination`` and ``thaw``, all ours; its
``sourceLocation`` may be left out. Keys that nobody knows are refused: a misspelt ``version`` would copy every version.
Source of shapes and texts: the storage service's ``POST /ingests`` and its ``CreateIngestApiTest``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

_LONGEST = 1024
_MISSING = "Missing required field"


class InvalidRequestDocument(ValueError):
    """The document is no request; ``problems`` says each, in the storage service's words.

    Not retryable: the same document will be wrong again.
    """

    retryable = False

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _Part(BaseModel):
    """Exact types, no unknown keys; ``type`` is what the service's clients write beside everything."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    type: str | None = Field(default=None, description="Written by the storage service's clients; not looked at.")


Text = Annotated[str, Field(max_length=_LONGEST)]


class ProviderPart(_Part):
    """A provider by its id."""

    id: Text = Field(description="`amazon-s3` or `azure-blob-storage`.")


class LocationPart(_Part):
    """A location as storage manifests show it."""

    provider: ProviderPart
    bucket: Text = Field(description="Bucket or container.")
    path: Text = Field(default="", description="Empty, the location's prefix, or the bag's folder there.")


class IdPart(_Part):
    """Something by its id."""

    id: Text


class BagInfoPart(_Part):
    """Which bag."""

    external_identifier: Text = Field(alias="externalIdentifier")
    version: Text | None = Field(default=None, description="`v1`, `v2`, …; left out: every version that is missing.")


class BagPart(_Part):
    """Wrapper, as the service has it."""

    info: BagInfoPart


class CallbackPart(_Part):
    """Whom to tell."""

    url: Annotated[str, Field(max_length=4096)]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class ThawPart(_Part):
    """How archived objects are made readable; left out: as the source location says."""

    tier: Literal["Expedited", "Standard", "Bulk"] | None = None
    # In JSON 3.0 is a whole number too.
    days: Annotated[int, Field(ge=1, le=365), BeforeValidator(_whole)] | None = None


class IngestTypePart(_Part):
    """What is to be done."""

    id: Literal["replicate"]


def _named_or_written_out(value: Any) -> str:
    return "location" if isinstance(value, dict | LocationPart) else "name"


Place = Annotated[
    Annotated[Text, Tag("name")] | Annotated[LocationPart, Tag("location")], Discriminator(_named_or_written_out)
]
"""The name of a configured location, or the location as storage manifests show it."""


class RequestDocument(_Part):
    """A request to replicate a bag, or one version of it."""

    context: str | None = Field(default=None, alias="@context", description="Of old clients; not looked at.")
    ingest_type: IngestTypePart = Field(alias="ingestType")
    space: IdPart
    bag: BagPart
    destination: Place = Field(description="Name of a configured location, or the location itself.")
    source_location: Place | None = Field(
        default=None,
        alias="sourceLocation",
        description="Where to read, likewise; left out: the primary location of each version.",
    )
    callback: CallbackPart | None = None
    thaw: ThawPart | None = None


def parse_request_document(value: Any) -> RequestDocument:
    """Read a request.

    Args:
        value: what ``json.loads`` made of the body.

    Raises:
        InvalidRequestDocument: with every problem of its form. What it names is looked up later.
    """
    try:
        return RequestDocument.model_validate(value)
    except ValidationError as error:
        problems = {_problem(each): None for each in error.errors(include_url=False)}
        raise InvalidRequestDocument(tuple(problems)) from None


_BRANCHES = frozenset({"name", "location"})


def _problem(error: ErrorDetails) -> str:
    # The path names the branch of a union, which the writer of the document does not know.
    path = "".join(f".{part}" for part in error["loc"] if part not in _BRANCHES) or "."
    match error["type"]:
        case "missing":
            text = "Missing required field"
        case "extra_forbidden":
            text = "Unknown field"
        case "literal_error":
            expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            text = f'got "{error["input"]}", valid values are: {expected}.'
        case _:
            text = error["msg"]
    return f"Invalid value at {path}: {text}"
