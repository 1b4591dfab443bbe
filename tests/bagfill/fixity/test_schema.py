"""The published schema is the one that receipts and seals are read by, and a validator of others agrees with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bagfill.fixity.receipt_form import json_schema
from contracts.sample_receipts import SampleChain

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "receipt.schema.json"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(PUBLISHED.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    chain = SampleChain(tmp_path_factory.mktemp("chain"))
    receipt, first = chain.add("digitised/b1/v1")
    _, second = chain.add("digitised/b2/v1")
    return [json.loads(line) for path in (receipt, first, second) for line in path.read_bytes().splitlines()]


def parts(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield place, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from parts(inner, (*place, key))


def with_value(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    at = made
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return made


def test_what_is_published_is_what_is_read_by() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema()


def test_every_line_and_seal_is_valid(validator: Draft202012Validator, documents: list[Any]) -> None:
    assert len(documents) == 8
    for document in documents:
        validator.validate(document)


def test_no_member_may_be_left_out_or_added_or_have_another_type(
    validator: Draft202012Validator, documents: list[Any]
) -> None:
    tried = 0
    for document in documents:
        for place, value in parts(document):
            if isinstance(value, dict) and place[-1:] != ("digests",):
                assert not validator.is_valid(with_value(document, (*place, "more"), 1)), place
                for name in value:
                    less = {key: inner for key, inner in value.items() if key != name}
                    assert not validator.is_valid(with_value(document, place, less) if place else less), (place, name)
            if place:
                tried += 1
                assert not validator.is_valid(with_value(document, place, 1.5)), place
                assert not validator.is_valid(with_value(document, place, True)), place
    assert tried > 100
