"""What Bagfill writes into logs: one line for each shard and each decision, with fields that programs can filter by.

``with about(ref): tell(logger, Line.SHARD_COPIED, files=12)``. Where lines go is the :class:`LineWriter`'s: as text and
fields of Python's ``logging``, unless :func:`write_lines_with` names another, as Airflow's tasks do.
"""

from bagfill.logs.lines import Line
from bagfill.logs.writing import LineWriter, StandardWriter, about, carried, tell, write_lines_with

__all__ = ["Line", "LineWriter", "StandardWriter", "about", "carried", "tell", "write_lines_with"]
