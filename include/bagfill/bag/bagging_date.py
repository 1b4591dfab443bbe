"""The Bagging-Date of a bag, with the messages people of the storage service know."""

from __future__ import annotations

import re
from calendar import isleap
from datetime import date

_FIELDS = (("[0-9]{4}", 0), ("-", 4), ("[0-9]{2}", 5), ("-", 7), ("[0-9]{2}", 8))
_FEBRUARY = 2
_MONTHS = (
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
)


def parse_bagging_date(text: str) -> date:
    """Read ``YYYY-MM-DD`` (RFC 8493, section 2.2.2), ASCII digits and nothing around them.

    Raises:
        ValueError: with the text of Java's ``LocalDate.parse``, which the storage service shows.
    """
    for pattern, index in _FIELDS:
        if re.compile(pattern).match(text, index) is None:
            raise ValueError(f"Text '{text}' could not be parsed at index {index}")
    if len(text) > 10:
        raise ValueError(f"Text '{text}' could not be parsed, unparsed text found at index 10")
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:])
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"Text '{text}' could not be parsed: {_fault(year, month, day)}") from None


def _fault(year: int, month: int, day: int) -> str:
    if not 1 <= month <= 12:
        return f"Invalid value for MonthOfYear (valid values 1 - 12): {month}"
    if not 1 <= day <= 31:
        return f"Invalid value for DayOfMonth (valid values 1 - 28/31): {day}"
    if year == 0:
        return "Invalid value for Year (valid values 1 - 9999): 0"
    if month == _FEBRUARY and day == 29 and not isleap(year):
        return f"Invalid date 'February 29' as '{year}' is not a leap year"
    # Java prints the name of its enum's member.
    return f"Invalid date '{_MONTHS[month - 1]} {day}'"
