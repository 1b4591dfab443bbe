"""Values of a text are read one by one, wherever its pieces are cut, and what is no JSON is told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.manifest import json_reader
from bagfill.manifest.json_reader import JsonReader, NotJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def read(reader: JsonReader) -> list[Any]:
    elements = list(reader.elements())
    reader.end()
    return elements


@pytest.fixture(autouse=True)
def _small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_reader, "_LEAST", 1)


@given(st.lists(VALUES, max_size=6), st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_the_elements_of_an_array_are_those_that_the_library_reads(
    elements: list[Any], size: int, escaped: bool, indent: int | None
) -> None:
    raw = json.dumps(elements, ensure_ascii=escaped, indent=indent).encode(errors="surrogatepass")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return
    reader = JsonReader(pieces(raw, size))
    assert list(reader.elements()) == elements
    assert reader.end()[1] == len(raw)


@given(st.dictionaries(st.text("ab\u00e9\U0001f600", max_size=3), VALUES, max_size=5), st.integers(1, 9))
def test_offsets_are_those_of_the_bytes(members: dict[str, Any], size: int) -> None:
    raw = json.dumps(members, ensure_ascii=False).encode(errors="replace")
    reader = JsonReader(pieces(raw, size))
    for _, key in reader.members():
        reader.skip_blanks()
        start = reader.offset
        value = reader.value()
        assert json.loads(raw[start : reader.offset]) == value == json.loads(raw)[key]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "expected '\\[' at byte 0"),
        (b"[1, 2", "expected '\\]' at byte 5"),
        (b'["\xc3\xa9", nope]', "at byte 7"),
        (b"[1 2]", "expected '\\]' at byte 3"),
        (b"[1] 2", "something follows"),
        (b"[1, \xff]", "undecodable byte at offset 4"),
        (b'["\xc3', "undecodable byte at offset 2"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[" * 100_000, "at byte 1"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_json_is_told_with_its_place(raw: bytes, problem: str, size: int) -> None:
    with pytest.raises(NotJson, match=problem):
        read(JsonReader(pieces(raw, size)))


def test_a_value_without_an_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_reader, "_LONGEST", 1000)
    taken = 0

    def endless() -> Any:
        nonlocal taken
        yield b'["'
        while True:
            taken += 1
            yield b"x" * 100

    with pytest.raises(NotJson, match="longer than 1000 characters"):
        list(JsonReader(endless()).elements())
    assert taken < 100
