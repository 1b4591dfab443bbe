"""``[[notices]]``: who is told what is new."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bagfill.notices.channels import Channel, Via
from bagfill.settings.sections import ConnectionId, Section


class NoticeSection(Section):
    """One ``[[notices]]``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    via: Annotated[Via, Field(strict=False)]
    connection: ConnectionId
    to: tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...] = Field(min_length=1, strict=False)
    sender: Annotated[str, Field(min_length=3)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.via is not Via.SMTP and len(self.to) != 1:
            text = f"via {self.via} there is one place to write to, found {len(self.to)}"
            raise PydanticCustomError("places", "{text}", {"text": text})
        if self.via is not Via.SMTP and self.sender is not None:
            raise PydanticCustomError("sender", "{text}", {"text": "sender: only mail has one"})
        return self

    def channel(self) -> Channel:
        """As those who send take it."""
        return Channel(self.name, self.via, self.connection, self.to, self.sender)
