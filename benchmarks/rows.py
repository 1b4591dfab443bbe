"""The figures: one row for each thing measured and each program beside it, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.json"
VERSIONS = RESULTS.with_name("latest-versions.json")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Args:
        name: what was measured; it does not change between releases.
        ours: our figure, or ``None`` when it was not measured.
        unit: of ``ours`` and ``peer``.
        peer_name: the program beside it, or ``None`` where there is none to compare with.
        peer: its figure in the same run.
        bag: what it was measured with, in words.
        note: why a figure is missing, or what to know about it.
    """

    name: str
    ours: float | None
    unit: str
    peer_name: str | None = None
    peer: float | None = None
    bag: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's; below 1 is better than the peer, for every unit here."""
        if self.ours is None or not self.peer:
            return None
        return round(self.ours / self.peer, 3)

    def to_json(self) -> dict[str, Any]:
        """``{name, ours, peer_name, peer, ratio, unit}``, and ``bag`` and ``note`` where there are any."""
        return {
            "name": self.name,
            "ours": _rounded(self.ours),
            "peer_name": self.peer_name,
            "peer": _rounded(self.peer),
            "ratio": self.ratio,
            "unit": self.unit,
            **{key: value for key, value in (("bag", self.bag), ("note", self.note)) if value},
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Row:
        """Read what ``to_json`` writes; keys it does not know are left out."""
        known = ("name", "ours", "unit", "peer_name", "peer", "bag", "note")
        return cls(**{key: values[key] for key in known if key in values})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def print_table(rows: Sequence[Row], title: str) -> None:
    """Print all rows."""
    table = Table(title=title, title_justify="left")
    for heading in ("name", "bag", "ours", "peer", "", "ratio", "unit"):
        right = heading in {"ours", "", "ratio"}
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        what = f"{row.bag} ({row.note})" if row.note else row.bag
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(row.name, what, shown(row.ours), row.peer_name or "", shown(row.peer, ""), ratio, row.unit)
    Console(width=None if Console().is_terminal else 170).print(table)


def shown(value: float | None, missing: str = "-") -> str:
    """A figure with as many digits as mean something."""
    return missing if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def write_json(rows: Sequence[Row], versions: dict[str, str], path: Path = RESULTS) -> None:
    """Write all rows as a list, and beside it what they were measured with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text([row.to_json() for row in rows]))
    path.with_name(VERSIONS.name).write_text(_text(versions))


def _text(values: Any) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def read_json(path: Path = RESULTS) -> list[Row]:
    """The rows of an earlier run."""
    return [Row.from_json(values) for values in json.loads(path.read_text())]


def read_versions(path: Path = VERSIONS) -> dict[str, str]:
    """What an earlier run was measured with."""
    versions: dict[str, str] = json.loads(path.read_text())
    return versions
