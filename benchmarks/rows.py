"""The figures: one row each, printed as a table and written as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Args:
        name: what was measured.
        ours: our figure, or ``None`` when it was not measured.
        unit: of ``ours`` and ``peer``.
        peer_name: the program beside it, or ``None`` where there is none to compare with.
        peer: its figure in the same run.
        note: why a figure is missing, or what to know about it.
    """

    name: str
    ours: float | None
    unit: str
    peer_name: str | None = None
    peer: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's; below 1 is better than the peer, for every unit here."""
        if self.ours is None or not self.peer:
            return None
        return round(self.ours / self.peer, 3)

    def to_json(self) -> dict[str, Any]:
        """``{name, ours, peer_name, peer, ratio, unit}``, and ``note`` where there is one."""
        values = asdict(self)
        note = values.pop("note")
        row = {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}
        ordered = {key: row[key] for key in ("name", "ours", "peer_name", "peer")}
        return {**ordered, "ratio": self.ratio, "unit": self.unit, **({"note": note} if note else {})}


def print_table(rows: Sequence[Row], title: str) -> None:
    """Print all rows."""
    table = Table(title=title, title_justify="left")
    for heading in ("measured", "ours", "peer", "ratio", "unit"):
        table.add_column(heading, justify="left" if heading in {"measured", "unit"} else "right", overflow="fold")
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer_name} {row.peer:.2f}"
        ours = "-" if row.ours is None else f"{row.ours:.2f}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(f"{row.name}{f' ({row.note})' if row.note else ''}", ours, peer, ratio, row.unit)
    Console(width=None if Console().is_terminal else 150).print(table)


def write_json(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """Write all rows as a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False) + "\n")


def machine() -> str:
    """What the figures depend on, without naming the machine."""
    return f"Python {platform.python_version()}, {platform.machine()}"
