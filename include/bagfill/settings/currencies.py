"""Codes of the currencies in which providers bill (ISO 4217); a price table in anything else is a mistake."""

from __future__ import annotations

from enum import StrEnum, auto


class Currency(StrEnum):
    """Those of Amazon's and Microsoft's price lists and of the countries where they invoice."""

    @staticmethod
    def _generate_next_value_(name: str, _start: int, _count: int, _last: list[str]) -> str:
        return name

    AED = auto()
    AUD = auto()
    BRL = auto()
    CAD = auto()
    CHF = auto()
    CLP = auto()
    CNY = auto()
    COP = auto()
    CZK = auto()
    DKK = auto()
    EUR = auto()
    GBP = auto()
    HKD = auto()
    HUF = auto()
    IDR = auto()
    ILS = auto()
    INR = auto()
    JPY = auto()
    KES = auto()
    KRW = auto()
    MXN = auto()
    MYR = auto()
    NGN = auto()
    NOK = auto()
    NZD = auto()
    PEN = auto()
    PHP = auto()
    PKR = auto()
    PLN = auto()
    RON = auto()
    SAR = auto()
    SEK = auto()
    SGD = auto()
    THB = auto()
    TRY = auto()
    TWD = auto()
    UAH = auto()
    USD = auto()
    VND = auto()
    ZAR = auto()
