"""Writing lines with their fields, and what they are about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Protocol

from bagfill.bag.identifiers import BagVersionId
from bagfill.logs.lines import Line

Field = str | int | float | bool | None
FIELDS = "bagfill_fields"
"""Attribute of a log record with the fields of its line."""


class Ingested(Protocol):
    """What is read of an ingest that lines are about."""

    @property
    def ingest_id(self) -> str:
        """UUID."""
        ...

    @property
    def id(self) -> BagVersionId:
        """The bag version."""
        ...

    @property
    def source(self) -> str:
        """Name of a location."""
        ...

    @property
    def destination(self) -> str:
        """Name of a location."""
        ...

    @property
    def campaign(self) -> str:
        """Name, or empty."""
        ...


class LineWriter(Protocol):
    """Where lines go."""

    def write(self, logger: logging.Logger, level: int, text: str, fields: Mapping[str, Field]) -> None:
        """Write one line."""
        ...

    def about(self, fields: Mapping[str, Field]) -> AbstractContextManager[object]:
        """Have every line of the block carry these fields, those of libraries too where that can be."""
        ...

    def carried(self) -> Callable[[], None]:
        """What a new thread calls to have its lines carry what those of this one do."""
        ...


_about: ContextVar[Mapping[str, Field]] = ContextVar("bagfill_lines_are_about", default=MappingProxyType({}))


class StandardWriter:
    """Lines of Python's ``logging``: the fields follow the text, and are on the record as ``bagfill_fields``."""

    def write(self, logger: logging.Logger, level: int, text: str, fields: Mapping[str, Field]) -> None:
        """See :class:`LineWriter`."""
        if logger.isEnabledFor(level):
            said = {**_about.get(), **fields}
            shown = " ".join(f"{name}={value}" for name, value in said.items() if value is not None)
            logger.log(level, "%s: %s" if shown else "%s%s", text, shown, extra={FIELDS: said})

    @contextmanager
    def about(self, fields: Mapping[str, Field]) -> Iterator[None]:
        """See :class:`LineWriter`."""
        token = _about.set({**_about.get(), **fields})
        try:
            yield
        finally:
            _about.reset(token)

    def carried(self) -> Callable[[], None]:
        """See :class:`LineWriter`."""
        now = _about.get()

        def carry() -> None:
            _about.set(now)

        return carry


def lines_are_about() -> Mapping[str, Field]:
    """What the lines of this thread are about, for handlers of ``logging`` that write records of others, too."""
    return _about.get()


_writer: LineWriter = StandardWriter()


def write_lines_with(writer: LineWriter) -> None:
    """Name the writer of this process."""
    global _writer  # noqa: PLW0603  Where lines go is the process's, as with `logging` itself.
    _writer = writer


def tell(logger: logging.Logger, line: Line, *, level: int | None = None, **fields: Field) -> None:
    """Write one line.

    Args:
        logger: of the module that decided.
        line: what happened.
        level: if it is another than the line's.
        fields: those that ``line.fields`` names, without secrets; ``None`` where there is nothing to say.

    Raises:
        ValueError: a field is none of the line's.
    """
    unknown = fields.keys() - set(line.fields)
    if unknown:
        msg = f"{line.name} has no field {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    said = {name: value for name, value in fields.items() if value is not None}
    _writer.write(logger, line.level if level is None else level, line.text, said)


def about(ref: Ingested) -> AbstractContextManager[object]:
    """Have every line of the block say which ingest it is about."""
    return _writer.about(fields_of(ref))


def fields_of(ref: Ingested) -> dict[str, Field]:
    """What a line about an ingest says of it."""
    said: dict[str, Field] = {
        "bag": str(ref.id.bag),
        "version": str(ref.id.version),
        "ingest": ref.ingest_id,
        "source": ref.source,
        "destination": ref.destination,
    }
    return {**said, "campaign": ref.campaign} if ref.campaign else said


def carried() -> Callable[[], None]:
    """For the ``initializer`` of a pool of threads: their lines are about what those of this thread are about."""
    return _writer.carried()
