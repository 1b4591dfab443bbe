"""bag-info.txt, read as BagIt has it and as the storage service has it."""

from __future__ import annotations

from datetime import date

import pytest

from bagfill.bag.bag_info import PayloadOxum, parse_bag_info, parse_tags
from bagfill.bag.bagging_date import parse_bagging_date
from bagfill.bag.errors import BagFormatError, FormatCode

REQUIRED = b"External-Identifier: b1\r\nPayload-Oxum: 15.1 \r\nBagging-Date: 2021-07-16\r\n"


def test_the_storage_services_reading() -> None:
    info = parse_bag_info(REQUIRED + b"Source-Organization: A: B\nUnknown: x\nExternal-Description:\n\n")
    assert str(info.external_identifier) == "b1"
    assert info.payload_oxum == PayloadOxum(15, 1)
    assert info.bagging_date == date(2021, 7, 16)
    assert info.source_organization == "A: B"
    assert info.external_description == ""
    assert info.internal_sender_identifier is None


def test_equal_duplicates_are_tolerated() -> None:
    assert str(parse_bag_info(REQUIRED + b"External-Identifier: b1\n").external_identifier) == "b1"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (REQUIRED + b"  folded\n", FormatCode.BAG_INFO_LINE),
        (REQUIRED + b"Label:value\n", FormatCode.BAG_INFO_LINE),
        (REQUIRED.replace(b"External-Id", b"external-id"), FormatCode.BAG_INFO_KEY_MISSING),
        (REQUIRED.replace(b" b1", b""), FormatCode.BAG_INFO_IDENTIFIER),
        (REQUIRED.replace(b" 15.1", b" +15.1"), FormatCode.BAG_INFO_OXUM),
        (REQUIRED.replace(b" 15.1", "\u0661.1".encode()), FormatCode.BAG_INFO_LINE),
    ],
)
def test_what_the_storage_service_refuses(data: bytes, code: FormatCode) -> None:
    with pytest.raises(BagFormatError) as refused:
        parse_bag_info(data)
    assert refused.value.code is code


def test_bagits_reading_joins_folded_lines_and_ignores_the_case_of_labels() -> None:
    tags = parse_tags(b"Title: one\n  two\n\tthree\nCONTACT : x\ncontact:  y\nEmpty:\n")
    assert tags.values("title") == ("one two three",)
    assert tags.values("Contact") == ("x", "y")
    assert tags.values("Empty") == ("",)
    assert tags.values("none") == ()


def test_a_line_that_continues_nothing_is_refused_by_both() -> None:
    with pytest.raises(BagFormatError):
        parse_tags(b"nothing\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Text '' could not be parsed at index 0"),
        ("X", "Text 'X' could not be parsed at index 0"),
        ("2020/01/01", "Text '2020/01/01' could not be parsed at index 4"),
        ("2020-1-01", "Text '2020-1-01' could not be parsed at index 5"),
        ("2020-01-01 ", "Text '2020-01-01 ' could not be parsed, unparsed text found at index 10"),
        (
            "2020-13-01",
            "Text '2020-13-01' could not be parsed: Invalid value for MonthOfYear (valid values 1 - 12): 13",
        ),
        (
            "2020-01-32",
            "Text '2020-01-32' could not be parsed: Invalid value for DayOfMonth (valid values 1 - 28/31): 32",
        ),
        (
            "2021-02-29",
            "Text '2021-02-29' could not be parsed: Invalid date 'February 29' as '2021' is not a leap year",
        ),
        ("2020-02-30", "Text '2020-02-30' could not be parsed: Invalid date 'FEBRUARY 30'"),
    ],
)
def test_a_bad_date_gets_the_text_people_know(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_bagging_date(text)
    assert str(refused.value) == message


def test_a_leap_day_is_a_date() -> None:
    assert parse_bagging_date("2020-02-29") == date(2020, 2, 29)
