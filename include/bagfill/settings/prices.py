"""Price tables: TOML files, read when first asked for and checked whole, each problem told with its line.

A line that is not there is no problem: that price is unknown, and said to be. A line that is there and makes no sense
(a negative number, a text, a currency that does not exist) makes the whole table unusable: half a table would be
believed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from bagfill.planning.prices import Band, Price, PriceTable
from bagfill.settings.currencies import Currency
from bagfill.settings.price_lines import line_of
from bagfill.steps.services import PriceTableError
from bagfill.storage.location import Provider
from bagfill.storage.store import ThawTier

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "prices"
_TEXTS = ("provider", "region", "currency", "default_class", "thawed_as")
_HEAD = (*_TEXTS, "date", "sources", "bytes_per_gb")
_BY_CLASS = ("storage", "writes", "reads", "read_gb")
_TRANSFER = ("internet", "other_region", "same_region")
_QUOTAS = (
    "thaw_requests_per_second",
    "reads_per_second",
    "writes_per_second",
    "bytes_in_per_second",
    "bytes_out_per_second",
)
_TIERS = tuple(tier.value for tier in ThawTier)
Key = tuple[str, ...]


def find_price_table(name: str, folder: Path) -> PriceTable:
    """The table of that name: the user's own, in ``folder``, before the one that is shipped.

    Raises:
        PriceTableError: there is none, or it is unusable.
    """
    tried = (folder / f"{name}.toml", SHIPPED / f"{name}.toml")
    for path in tried:
        if path.is_file():
            return load_price_table(path)
    known = ", ".join(sorted({path.stem for place in (folder, SHIPPED) for path in place.glob("*.toml")}))
    raise PriceTableError(
        (f"there is no price table {name!r}; write {tried[0]}, or name one that is there: {known or 'none'}",)
    )


def load_price_table(path: Path) -> PriceTable:
    """Read one table.

    Raises:
        PriceTableError: with every problem found, each with file, line, what was found and what is allowed.
    """
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise PriceTableError((f"{path}: cannot be read: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        raise PriceTableError((f"{path}: is not UTF-8: byte {error.start}",)) from None
    except tomllib.TOMLDecodeError as error:
        raise PriceTableError((f"{path}: is not TOML: {error}",)) from None
    reader = _Reader(path, text, document)
    table = reader.table()
    if reader.problems:
        raise PriceTableError(tuple(reader.problems))
    return table


class _Reader:
    def __init__(self, path: Path, text: str, document: Mapping[str, Any]) -> None:
        self._path = path
        self._text = text
        self._document = document
        self.problems: list[str] = []

    def table(self) -> PriceTable:
        """The table; worth nothing when there are problems."""
        known = {*_HEAD, *_BY_CLASS, "thaw", "transfer", "quotas"}
        for key in sorted(set(self._document) - known):
            self._problem((key,), f"unknown key; known are {', '.join(sorted(known))}")
        texts = {name: self._text_at(name) for name in _TEXTS}
        if texts["currency"] and texts["currency"] not in set(Currency):
            self._problem(
                ("currency",),
                f"found {texts['currency']!r}, which is no currency; write its ISO 4217 code, such as USD or GBP",
            )
        providers = [provider.value for provider in Provider]
        if texts["provider"] and texts["provider"] not in providers:
            self._problem(("provider",), f"found {texts['provider']!r}; allowed: {', '.join(providers)}")
        day = self._document.get("date")
        if not isinstance(day, date):
            self._problem(("date",), "needed is the day the prices were looked up, as 2026-06-30 without quotes")
            day = date.min
        sources = self._document.get("sources")
        if not isinstance(sources, list) or not sources or not all(isinstance(each, str) for each in sources):
            self._problem(("sources",), "needed is a list of where the prices were looked up")
            sources = []
        unit = self._document.get("bytes_per_gb")
        if unit not in {10**9, 2**30}:
            self._problem(("bytes_per_gb",), f"found {unit!r}; allowed: 1_000_000_000 or 1_073_741_824")
            unit = 2**30
        prices = dict(self._prices())
        return PriceTable(
            name=self._path.stem,
            **texts,
            date=day,
            sources=tuple(sources),
            bytes_per_gb=unit,
            prices=prices,
            quotas=self._quotas(),
        )

    def _text_at(self, name: str) -> str:
        value = self._document.get(name)
        if not isinstance(value, str) or (not value and name != "thawed_as"):
            found = "nothing" if value is None else repr(value)
            self._problem((name,), f"found {found}; needed is a text")
            return ""
        return value

    def _prices(self) -> Iterator[tuple[Key, Price]]:
        for section in _BY_CLASS:
            for name, value in self._section((section,)).items():
                yield from self._price((section, name), value)
        for name, value in self._section(("transfer",), _TRANSFER).items():
            yield from self._price(("transfer", name), value)
        for storage_class in self._section(("thaw",)):
            for tier in self._section(("thaw", storage_class), _TIERS):
                place = ("thaw", storage_class, tier)
                for name, value in self._section(place, ("request", "gb")).items():
                    yield from self._price((*place, name), value)

    def _section(self, key: Key, allowed: tuple[str, ...] | None = None) -> Mapping[str, Any]:
        value: Any = self._document
        for part in key:
            value = value.get(part, {})
        if not isinstance(value, Mapping):
            self._problem(key, "needed is a table")
            return {}
        for name in value:
            if allowed is not None and name not in allowed:
                self._problem((*key, name), f"unknown key; known are {', '.join(allowed)}")
        return {name: item for name, item in value.items() if allowed is None or name in allowed}

    def _price(self, key: Key, value: Any) -> Iterator[tuple[Key, Price]]:
        rows = value if isinstance(value, list) else [value if isinstance(value, Mapping) else {"price": value}]
        bands, pers = [], set()
        end: Decimal | None = Decimal(0)
        for row in rows:
            if not isinstance(row, Mapping) or set(row) - {"price", "per", "up_to"} or "price" not in row:
                self._problem(key, "needed is a number, {price, per}, or a list of {price, up_to, per}")
                return
            numbers = {name: self._number(key if name == "price" else (*key, name), row[name]) for name in row}
            if any(number is None for number in numbers.values()):
                return
            if end is None or ("up_to" in row and (numbers["up_to"] or 0) <= end):
                self._problem(key, "the bands must ascend by up_to, and only the last may lack it")
                return
            end = numbers.get("up_to")
            bands.append(Band(numbers["price"] or Decimal(0), end))
            pers.add(numbers.get("per", Decimal(1)))
        per = pers.pop() if len(pers) == 1 else Decimal(0)
        if not bands or per is None or per < 1 or per != per.to_integral_value():
            self._problem(key, "per must be one whole number, 1 or more, the same in every band")
        elif end is not None:
            self._problem(key, "the last band must have no up_to: what lies above it would have no price")
        else:
            yield key, Price(tuple(bands), int(per))

    def _number(self, key: Key, value: Any) -> Decimal | None:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            self._problem(key, f"found {value!r}; needed is a number without quotes, in the table's currency")
            return None
        number = Decimal(value)
        if not number.is_finite() or number < 0:
            self._problem(key, f"found {value}; a price cannot be negative or endless: correct it, or remove the line")
            return None
        return number

    def _quotas(self) -> dict[str, int]:
        quotas = {}
        for name, value in self._section(("quotas",), _QUOTAS).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                self._problem(("quotas", name), f"found {value!r}; needed is a whole number, 1 or more")
            else:
                quotas[name] = value
        return quotas

    def _problem(self, key: Key, problem: str) -> None:
        self.problems.append(f"{self._path}, line {line_of(self._text, key)}: {'.'.join(key)}: {problem}")
