"""Lines of the core in Airflow's logs: one JSON object each, with the fields as keys beside Airflow's own.

Airflow gives stdlib records no fields; so lines go to structlog directly, and what they are about into its context,
which Airflow adds to every line of the task, those of libraries too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

from bagfill.logs import write_lines_with
from bagfill.logs.writing import Field
from bagfill.steps.masking import masked


class AirflowWriter:
    """See :class:`bagfill.logs.LineWriter`."""

    def write(self, logger: logging.Logger, level: int, text: str, fields: Mapping[str, Field]) -> None:
        """See :class:`bagfill.logs.LineWriter`."""
        # Texts of providers and of surprises come this way: the last net under secrets, as of files at a terminal.
        said = {name: masked(value) if isinstance(value, str) else value for name, value in fields.items()}
        structlog.get_logger(logger.name).log(level, text, **said)

    def about(self, fields: Mapping[str, Field]) -> AbstractContextManager[object]:
        """See :class:`bagfill.logs.LineWriter`."""
        return bound_contextvars(**fields)

    def carried(self) -> Callable[[], None]:
        """See :class:`bagfill.logs.LineWriter`."""
        now = get_contextvars()

        def carry() -> None:
            bind_contextvars(**now)

        return carry


def use_airflows_logs() -> None:
    """Have the core write into the logs of Airflow's processes."""
    write_lines_with(AirflowWriter())
