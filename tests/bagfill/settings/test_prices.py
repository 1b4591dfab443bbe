"""Price tables: what is missing is unknown, what is wrong is refused with its line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bagfill.settings.prices import SHIPPED, find_price_table, load_price_table
from bagfill.steps.services import PriceTableError

HEAD = """\
provider = "amazon-s3"
region = "eu-west-1"
currency = "EUR"
date = 2026-06-01
sources = ["a contract"]
bytes_per_gb = 1_000_000_000
default_class = "STANDARD"
thawed_as = "STANDARD"
"""


def table(folder: Path, text: str, head: str = HEAD) -> Path:
    path = folder / "ours.toml"
    path.write_text(head + text)
    return path


def problem(path: Path) -> str:
    with pytest.raises(PriceTableError) as caught:
        load_price_table(path)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_table_that_is_shipped_is_sound(path: Path) -> None:
    found = load_price_table(path)
    assert found.prices
    assert found.sources
    assert found.price("storage", found.default_class) is not None


def test_money_is_read_as_it_is_written(tmp_path: Path) -> None:
    found = load_price_table(table(tmp_path, "[storage]\nDEEP_ARCHIVE = 0.00099\n"))
    price = found.price("storage", "DEEP_ARCHIVE")
    assert price is not None
    assert price.of(100_000) == Decimal("99.00000")


def test_a_missing_line_is_unknown_and_not_free(tmp_path: Path) -> None:
    found = load_price_table(table(tmp_path, "[storage]\nSTANDARD = 0\n"))
    assert found.price("storage", "GLACIER") is None
    assert found.price("storage", "STANDARD") is not None


def test_a_negative_number_is_refused_with_its_line(tmp_path: Path) -> None:
    path = table(tmp_path, "[thaw.GLACIER.Standard]\nrequest = 0.05\ngb = -0.01\n")
    found = problem(path)
    assert f"{path}, line 11: thaw.GLACIER.Standard.gb: found -0.01" in found
    assert "correct it, or remove the line" in found


def test_a_negative_number_in_a_band_is_refused(tmp_path: Path) -> None:
    text = "[transfer]\ninternet = [{ price = 0, up_to = 100 }, { price = -0.09 }]\n"
    assert "line 10: transfer.internet: found -0.09" in problem(table(tmp_path, text))


def test_a_wrong_currency_is_refused_with_what_to_write(tmp_path: Path) -> None:
    found = problem(table(tmp_path, "", HEAD.replace('"EUR"', '"euros"')))
    assert "line 3: currency: found 'euros', which is no currency; write its ISO 4217 code" in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[storage]\nSTANDARD = '0.023'\n", "line 10: storage.STANDARD: found '0.023'; needed is a number"),
        ("[storage]\nSTANDARD = nan\n", "cannot be negative or endless"),
        ("[storge]\nSTANDARD = 1\n", "line 9: storge: unknown key"),
        ("[transfer]\nmoon = 1\n", "line 10: transfer.moon: unknown key; known are internet"),
        ("[thaw.GLACIER.Fast]\ngb = 1\n", "line 9: thaw.GLACIER.Fast: unknown key; known are Expedited"),
        ("[writes]\nSTANDARD = { price = 1, per = 0 }\n", "per must be one whole number"),
        ("[writes]\nSTANDARD = { per = 10 }\n", "needed is a number, {price, per}"),
        ("[storage]\nSTANDARD = [{ price = 1, up_to = 5 }, { price = 1, up_to = 5 }]\n", "the bands must ascend"),
        ("[storage]\nSTANDARD = [{ price = 1, up_to = 5 }]\n", "the last band must have no up_to"),
        ("[quotas]\nreads_per_second = 0\n", "line 10: quotas.reads_per_second: found 0"),
        ("storage = 3\n", "line 9: storage: needed is a table"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(table(tmp_path, text))


def test_a_table_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert "is not TOML" in problem(table(tmp_path, "[storage\n"))
    assert "cannot be read" in problem(tmp_path / "absent.toml")


def test_a_head_without_date_or_source_is_refused(tmp_path: Path) -> None:
    found = problem(table(tmp_path, "", HEAD.replace("date = 2026-06-01\n", "").replace('["a contract"]', "[]")))
    assert "date: needed is the day" in found
    assert "sources: needed is a list" in found


def test_the_users_own_table_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "aws-us-east-1.toml").write_text(HEAD)
    assert find_price_table("aws-us-east-1", tmp_path).currency == "EUR"
    assert find_price_table("azure-eastus2", tmp_path).currency == "USD"
    with pytest.raises(PriceTableError, match=r"no price table 'mars'.*name one that is there: aws-us-east-1"):
        find_price_table("mars", tmp_path)
