"""Rows from measurements, and what is made of rows: JSON, table, page, picture."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from measured import Usage
from peers import CHECK, CHECKSUM, SDK
from report import AIMS, HEADLINES, figures, picture
from rows import RESULTS, Row, print_table, read_json, read_versions, write_json
from runs import COPY_AND_PROVE, Runs, peak_rows, request_rows
from sample_bags import FULL, MIB, QUICK, Shape

OURS = ("plan", "copy", "verify", "conclude")
KEYS = ("name", "ours", "peer_name", "peer", "ratio", "unit")
MID = Shape("mid", "2 × 512 MiB", ((2, 512 * MIB),))


def usage(cpu: float, peak_mib: int = 1, requests: int = 0) -> Usage:
    return Usage(cpu=cpu, wall=1.0, peak_bytes=peak_mib * MIB, output="", requests=requests)


def runs(*cpus: tuple[float, float], shape: Shape = MID) -> Runs:
    """Rounds in which each step of ours takes one time, and each program of a peer another."""
    programs = {program for both in COPY_AND_PROVE.values() for program in both}
    turns = [
        {step: usage(ours, 7) for step in OURS} | {program: usage(peer, 9) for program in programs}
        for ours, peer in cpus
    ]
    return Runs(shape, turns)


def named(rows: list[Row], name: str) -> list[Row]:
    return [row for row in rows if row.name == name]


def test_there_is_one_row_for_each_peer_of_copy_and_verify() -> None:
    rows = named(runs((1.0, 2.0)).rows(), "copy_verify_mid")
    assert [row.peer_name for row in rows] == [CHECKSUM, CHECK, SDK]
    assert {(row.ours, row.peer, row.ratio) for row in rows} == {(2.0, 4.0, 0.5)}


def test_a_peer_that_took_no_part_has_no_row() -> None:
    brief = runs((1.0, 2.0))
    for turn in brief.rounds:
        assert isinstance(turn, dict)
        for program in COPY_AND_PROVE[SDK]:
            del turn[program]
    rows = brief.rows() + peak_rows([brief, runs((1.0, 2.0))])
    assert {row.peer_name for row in named(rows, "copy_verify_mid")} == {CHECKSUM, CHECK}
    assert {row.peer_name for row in named(rows, "task_peak_memory")} == {CHECKSUM, CHECK}


def test_planning_and_concluding_are_in_a_row_of_their_own() -> None:
    rows = named(runs((1.0, 2.0)).rows(), "copy_verify_mid_all_steps")
    assert {(row.ours, row.peer) for row in rows} == {(4.0, 4.0)}


def test_the_median_round_counts() -> None:
    row = named(runs((1.0, 2.0), (50.0, 50.0), (2.0, 3.0)).rows(), "copy_verify_mid")[0]
    assert (row.ours, row.peer) == (4.0, 6.0)


def test_small_files_are_told_by_the_thousand() -> None:
    shape = Shape("small", "2,000 × 1 KiB", ((2000, 1024),), by_file=True)
    row = named(runs((1.0, 2.0), shape=shape).rows(), "copy_verify_small")[0]
    assert (row.ours, row.unit) == (1.0, "CPU s/1,000 files")


def test_the_highest_memory_of_any_bag_and_task_counts() -> None:
    few, many = runs((1.0, 1.0)), runs((1.0, 1.0))
    many.rounds[0] = {**many.rounds[0], "verify": usage(1, 40), "rclone copy": usage(1, 80), "plan": usage(1, 999)}
    rows = peak_rows([few, many])
    assert [(row.name, row.ours, row.peer) for row in rows] == [
        ("task_peak_memory", 40, 80),
        ("task_peak_memory", 40, 80),
        ("task_peak_memory", 40, 9),
    ]


def test_requests_of_all_our_steps_are_counted_for_each_object() -> None:
    counts = dict.fromkeys(OURS, 5) | dict.fromkeys((p for both in COPY_AND_PROVE.values() for p in both), 10)
    rows = request_rows(MID, 10, counts)
    assert {(row.name, row.ours, row.peer) for row in rows} == {("requests_per_object_mid", 2.0, 2.0)}


@pytest.mark.parametrize("shapes", [FULL, QUICK])
def test_both_extents_measure_the_same_names(shapes: tuple[Shape, ...]) -> None:
    assert {f"copy_verify_{shape.key}" for shape in shapes} == {name for name in HEADLINES if "copy_verify" in name}


def test_what_was_not_measured_has_no_ratio() -> None:
    assert Row("a", None, "s", "peer", 1.0).ratio is None
    assert Row("a", 1.0, "s", "peer", 0.0).ratio is None
    assert Row("a", 1.0, "s").to_json() == {**dict.fromkeys(KEYS), "name": "a", "ours": 1.0, "unit": "s"}


def test_rows_are_a_list_that_can_be_read_again(tmp_path: Path) -> None:
    rows = [*runs((1.0, 2.0)).rows(), Row("small_bag_parcel", None, "CPU s/bag", note="not measured")]
    path = tmp_path / "results" / "latest.json"
    write_json(rows, {"python": "3"}, path)
    written = json.loads(path.read_text())
    assert all(tuple(row)[: len(KEYS)] == KEYS for row in written)
    assert read_json(path) == rows
    assert read_versions(path.with_name("latest-versions.json")) == {"python": "3"}


def test_the_results_that_are_kept_have_the_form_others_rely_on() -> None:
    rows = json.loads(RESULTS.read_text())
    assert isinstance(rows, list)
    assert all(set(KEYS) <= row.keys() for row in rows)
    assert {name for name in HEADLINES if name.startswith(("copy", "validate", "task"))} <= {
        row["name"] for row in rows
    }
    assert read_versions()["extent"] in {"full", "quick"}


def test_the_table_names_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Row("a_name", 1.0, "CPU s", "a peer", 2.0, bag="a bag")], "title")
    out = capsys.readouterr().out
    assert all(text in out for text in ("a_name", "a bag", "1.00", "a peer", "2.00", "0.50", "CPU s"))


def test_the_page_tells_ratio_and_aim() -> None:
    rows = [*runs((1.0, 2.0)).rows(), Row("other", 3.0, "s")]
    page = figures(rows, {"extent": "full", "runs": "3", "cores": "2"})
    head, detail = page.split("<details>")
    line = next(line for line in head.splitlines() if CHECKSUM in line)
    assert "| 0.50 | ≤ 0.9 |" in line
    assert "`other`" in detail
    assert "other" not in head


def test_the_picture_is_the_same_for_the_same_rows() -> None:
    rows = runs((1.0, 2.0)).rows()
    drawn = picture(rows)
    assert drawn == picture(rows)
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - our own picture
    assert drawn.count("0.50") == len(COPY_AND_PROVE)


def test_every_aim_is_for_a_row_that_others_rely_on() -> None:
    assert {name for name, _ in AIMS} <= HEADLINES.keys()
