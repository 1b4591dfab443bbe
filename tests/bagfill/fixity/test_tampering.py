"""Whatever is changed in receipts and seals is found: by us, and by the verifier that shares no line with us."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bagfill.fixity.canonical import canonical_json, sha256_hex
from bagfill.fixity.chain import Evidence
from bagfill.fixity.merkle import MerkleTree, leaf_of_file
from contracts.sample_receipts import SampleChain, file_values

TOOL = Path(__file__).parents[3] / "tools" / "verify_receipt.py"
Verify = Callable[..., list[str]]
"""Given a folder: every problem that is found in it."""


def ours(folder: Path, *, partial: bool = False, heads: tuple[str, ...] = ()) -> list[str]:
    evidence = Evidence()
    for path in sorted(folder.rglob("*.json*")):
        where = path.relative_to(folder).as_posix()
        if path.suffix == ".jsonl":
            evidence.add_receipt(where, [path.read_bytes()])
        else:
            evidence.add_seal(where, path.read_bytes())
    problems, _ = evidence.judge(partial=partial, heads=heads)
    return list(map(str, problems))


def load_tool() -> Any:
    spec = importlib.util.spec_from_file_location("verify_receipt", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def theirs(folder: Path, *, partial: bool = False, heads: tuple[str, ...] = ()) -> list[str]:
    out = io.StringIO()
    arguments = [*(["--partial"] if partial else []), *(f"--head={head}" for head in heads), str(folder)]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(sys, "argv", ["verify_receipt.py", *arguments])
        code = load_tool().main()
    *problems, last = out.getvalue().splitlines()
    assert last.startswith("sound: ")
    assert code == bool(problems)
    return problems


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four receipts in one chain, and one in another."""
    folder = tmp_path_factory.mktemp("sound")
    chain = SampleChain(folder)
    for number in range(1, 5):
        chain.add(f"digitised/b{number}/v1")
    chain.add("digitised/b1/v1", location="glacier")
    return folder


@pytest.fixture
def chain(sound: Path, tmp_path: Path) -> SampleChain:
    shutil.copytree(sound, tmp_path / "receipts")
    return SampleChain(tmp_path / "receipts")


@pytest.fixture(params=[ours, theirs], ids=["ours", "tool"])
def verify(request: pytest.FixtureRequest) -> Verify:
    found: Verify = request.param
    return found


def receipt_of(chain: SampleChain, sequence: int) -> Path:
    return chain.folder / json.loads(chain.seal(sequence).read_bytes())["receipt"]["name"]


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def write_lines(path: Path, lines: list[Any]) -> None:
    path.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))


def write_consistently(path: Path, lines: list[Any]) -> None:
    """As a forger would who knows the format: with counts, root and hash put right."""
    head, files, end = lines[0], lines[1:-1], lines[-1]
    tree = MerkleTree()
    for file in files:
        tree.add(leaf_of_file(file["path"], file["size"], file["digests"]))
    text = b"".join(canonical_json(line) + b"\n" for line in [head, *files])
    sums = {"files": len(files), "bytes": sum(f["size"] for f in files), "merkleRoot": tree.root}
    path.write_bytes(text + canonical_json({**end, **sums, "sha256": sha256_hex(text)}) + b"\n")


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every scalar of a JSON value is."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*place, key))
    else:
        yield place


def changed(value: Any, place: tuple[Any, ...]) -> Any:
    """The same value with one scalar changed into another of its form."""
    made = copy.deepcopy(value)
    at = made
    for key in place[:-1]:
        at = at[key]
    old = at[place[-1]]
    if old is None:
        new: Any = "x"
    elif isinstance(old, int):
        new = old + 1
    else:
        last = "0" if re.fullmatch("[0-9a-f]*[1-9a-f]", old) else "1" if re.fullmatch("[0-9a-f]+", old) else "?"
        choices = {"md5": "sha1", "sha256": "sha384", "copied": "staged", "manifest": "source-read"}
        new = old.replace("2026", "2025") if old.startswith("2026") else choices.get(old, old[:-1] + last)
    at[place[-1]] = new
    assert made != value
    return made


def test_what_is_sound_is_found_sound(chain: SampleChain, verify: Verify) -> None:
    assert verify(chain.folder) == []
    heads = tuple(hashlib.sha256(chain.seal(*each).read_bytes()).hexdigest() for each in ((4, "azure"), (1, "glacier")))
    assert verify(chain.folder, heads=heads) == []


@pytest.mark.parametrize("kind", ["receipt", "seal"])
def test_one_flipped_bit_anywhere_is_found(chain: SampleChain, verify: Verify, kind: str) -> None:
    path = receipt_of(chain, 2) if kind == "receipt" else chain.seal(2)
    text = path.read_bytes()
    # A prime step meets every kind of byte; each bit is flipped somewhere.
    for position in range(0, len(text), 37):
        path.write_bytes(text[:position] + bytes([text[position] ^ (1 << position % 8)]) + text[position + 1 :])
        assert verify(chain.folder), position


@pytest.mark.parametrize("write", [write_lines, write_consistently])
@pytest.mark.parametrize("line", [0, 2, -1], ids=["header", "file", "end"])
def test_each_field_of_a_receipt_that_was_changed_is_found(
    chain: SampleChain, verify: Verify, line: int, write: Callable[[Path, list[Any]], None]
) -> None:
    path = receipt_of(chain, 4)
    lines = lines_of(path)
    for place in places(lines[line]):
        tampered = list(lines)
        tampered[line] = changed(lines[line], place)
        write(path, tampered)
        if path.read_bytes() == b"".join(canonical_json(each) + b"\n" for each in lines):
            # A consistent forger of the last line puts his own change right again.
            continue
        assert verify(chain.folder), place


@pytest.mark.parametrize("sequence", [1, 3, 4])
def test_each_field_of_a_seal_that_was_changed_is_found(chain: SampleChain, verify: Verify, sequence: int) -> None:
    path = chain.seal(sequence)
    seal = json.loads(path.read_bytes())
    for place in places(seal):
        write_lines(path, [changed(seal, place)])
        assert verify(chain.folder), place


@pytest.mark.parametrize("sequence", [1, 4])
def test_a_seal_that_was_forged_consistently_is_found_by_the_next_one_or_by_a_head_that_was_kept(
    chain: SampleChain, verify: Verify, sequence: int
) -> None:
    path = chain.seal(sequence)
    head = hashlib.sha256(chain.seal(4).read_bytes()).hexdigest()
    seal = json.loads(path.read_bytes())
    seal["sealed"] = "2025-01-01T00:00:00.000000Z"
    body = {name: value for name, value in seal.items() if name not in {"sha256", "signature"}}
    write_lines(path, [{**seal, "sha256": sha256_hex(canonical_json(body))}])
    assert verify(chain.folder, heads=(head,))
    assert bool(verify(chain.folder)) == (sequence != 4)


@pytest.mark.parametrize("write", [write_lines, write_consistently])
def test_a_file_that_was_left_out_of_a_receipt_is_found(
    chain: SampleChain, verify: Verify, write: Callable[[Path, list[Any]], None]
) -> None:
    path = receipt_of(chain, 3)
    lines = lines_of(path)
    write(path, [*lines[:2], *lines[3:]])
    assert verify(chain.folder)


@pytest.mark.parametrize("write", [write_lines, write_consistently])
def test_two_files_whose_digests_were_swapped_are_found(
    chain: SampleChain, verify: Verify, write: Callable[[Path, list[Any]], None]
) -> None:
    path = receipt_of(chain, 3)
    lines = lines_of(path)
    lines[1]["digests"], lines[2]["digests"] = lines[2]["digests"], lines[1]["digests"]
    write(path, lines)
    assert verify(chain.folder)


@pytest.mark.parametrize("write", [write_lines, write_consistently])
def test_two_lines_that_were_swapped_are_found(
    chain: SampleChain, verify: Verify, write: Callable[[Path, list[Any]], None]
) -> None:
    path = receipt_of(chain, 3)
    lines = lines_of(path)
    write(path, [lines[0], lines[2], lines[1], *lines[3:]])
    assert any("ascend" in problem for problem in verify(chain.folder))


def test_a_line_that_is_there_twice_is_found(chain: SampleChain, verify: Verify) -> None:
    path = receipt_of(chain, 3)
    lines = lines_of(path)
    write_consistently(path, [*lines[:2], *lines[1:]])
    assert any("ascend" in problem for problem in verify(chain.folder))


@pytest.mark.parametrize("sequence", [1, 2, 4])
def test_a_receipt_that_was_removed_is_found(chain: SampleChain, verify: Verify, sequence: int) -> None:
    path = receipt_of(chain, sequence)
    path.unlink()
    assert any("receipt" in problem and "missing" in problem for problem in verify(chain.folder))


@pytest.mark.parametrize("numbers", [(1,), (2,), (2, 3), (1, 2)])
def test_a_receipt_removed_with_its_seal_is_a_gap(chain: SampleChain, verify: Verify, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        receipt_of(chain, number).unlink()
        chain.seal(number).unlink()
    (problem,) = verify(chain.folder)
    assert "missing" in problem
    assert str(numbers[0]) in problem


def test_the_end_of_a_chain_that_was_cut_off_is_found_by_a_head_that_was_kept(
    chain: SampleChain, verify: Verify
) -> None:
    head = hashlib.sha256(chain.seal(4).read_bytes()).hexdigest()
    receipt_of(chain, 4).unlink()
    chain.seal(4).unlink()
    assert verify(chain.folder) == []
    assert len(verify(chain.folder, heads=(head,))) == 1


def test_seals_that_were_renumbered_are_found(chain: SampleChain, verify: Verify) -> None:
    texts = {number: json.loads(chain.seal(number).read_bytes()) for number in (2, 3)}
    for number, other in ((2, 3), (3, 2)):
        seal = {**texts[other], "sequence": number}
        body = {name: value for name, value in seal.items() if name not in {"sha256", "signature"}}
        write_lines(chain.seal(number), [{**seal, "sha256": sha256_hex(canonical_json(body))}])
    assert verify(chain.folder)


def test_files_that_changed_their_names_are_found(chain: SampleChain, verify: Verify) -> None:
    for one, other in ((chain.seal(2), chain.seal(3)), (receipt_of(chain, 1), receipt_of(chain, 2))):
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
        assert sum("name" in problem for problem in verify(chain.folder)) == 2
        one.write_bytes(first)
        other.write_bytes(second)


def test_a_seal_of_another_receipt_is_found(chain: SampleChain, verify: Verify) -> None:
    """The forger also writes a receipt that fits; what he cannot do is to make the next seal follow."""
    path = receipt_of(chain, 2)
    lines = lines_of(path)
    lines[1]["object"]["etag"] = "another"
    write_consistently(path, lines)
    seal = json.loads(chain.seal(2).read_bytes())
    seal["receipt"] |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    body = {name: value for name, value in seal.items() if name not in {"sha256", "signature"}}
    write_lines(chain.seal(2), [{**seal, "sha256": sha256_hex(canonical_json(body))}])
    (problem,) = verify(chain.folder)
    assert "follow" in problem


def test_a_chain_that_was_begun_anew_is_found_by_a_head(chain: SampleChain, verify: Verify) -> None:
    head = hashlib.sha256(chain.seal(4).read_bytes()).hexdigest()
    shutil.rmtree(chain.folder / "azure")
    chain.add("digitised/b1/v1")
    assert verify(chain.folder) == []
    assert verify(chain.folder, heads=(head,))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b'{"type":"receipt"}\n',
        b"[" * 100_000,
        b"\xff\xfe\x00\n",
        b'{"a":NaN}\n',
        b'{"format":"bagfill-receipt/1"}',
        b"x" * 3_000_000,
    ],
    ids=range(10),
)
def test_what_is_no_receipt_and_no_seal_is_told_and_does_not_stop_the_rest(
    chain: SampleChain, verify: Verify, text: bytes
) -> None:
    (chain.folder / "azure" / "00000000-0000-0000-0000-000000000009.jsonl").write_bytes(text)
    (chain.folder / "azure" / "_seals" / "000000000009.json").write_bytes(text)
    assert len(verify(chain.folder)) == 2


@pytest.mark.parametrize("cut", [1, 100, -2])
def test_a_receipt_that_was_cut_or_prolonged_is_found(chain: SampleChain, verify: Verify, cut: int) -> None:
    path = receipt_of(chain, 1)
    text = path.read_bytes()
    path.write_bytes(text[:-cut] if cut > 0 else text + b"{}\n")
    assert verify(chain.folder)


@pytest.mark.parametrize(
    "spell",
    [
        lambda line: line[:-1] + b',"type":"end"}',
        lambda line: b"{ " + line[1:],
        lambda line: line.replace(b'"type"', b'"\\u0074ype"'),
    ],
    ids=["twice", "space", "escape"],
)
def test_another_spelling_of_a_line_is_found(
    chain: SampleChain, verify: Verify, spell: Callable[[bytes], bytes]
) -> None:
    path = receipt_of(chain, 1)
    *before, last, _ = path.read_bytes().split(b"\n")
    assert json.loads(spell(last)) == json.loads(last)
    path.write_bytes(b"\n".join([*before, spell(last)]) + b"\n")
    assert verify(chain.folder)


def test_a_part_of_a_chain_may_be_looked_at_alone(chain: SampleChain, verify: Verify, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for number in (2, 4):
        shutil.copy(chain.seal(number), part)
    shutil.copy(receipt_of(chain, 2), part)
    assert verify(part)
    assert verify(part, partial=True) == []
    (part / receipt_of(chain, 2).name).write_bytes(receipt_of(chain, 3).read_bytes())
    assert verify(part, partial=True)


@pytest.mark.parametrize("transit", [{"check": "md5 of each block", "blockBytes": 4}, None])
def test_receipts_of_earlier_releases_are_still_sound(
    chain: SampleChain, verify: Verify, transit: dict[str, Any] | None
) -> None:
    line = file_values("data/z", b"")
    chain.add("digitised/b9/v1", files=[{**line, "object": {**line["object"], "transit": transit}}])
    assert verify(chain.folder) == []


def test_the_independent_verifier_is_short_and_imports_nothing_of_ours() -> None:
    text = TOOL.read_text()
    assert len(text.splitlines()) <= 155
    imported = set(re.findall(r"^(?:import|from) (.+?)(?: import .+)?$", text, re.MULTILINE))
    names = {name.strip() for each in imported for name in each.split(",")}
    assert names
    assert names <= sys.stdlib_module_names


def test_the_independent_verifier_says_when_it_could_not_look(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["verify_receipt.py", "/nowhere/x.jsonl"])
        assert load_tool().main() == 2
    assert "No such file" in capsys.readouterr().err
