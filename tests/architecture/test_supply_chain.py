"""What we depend on is listed, with licences that permit it, and holes that are left out are explained."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
PINS = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE))

ROW = r"^\| ([a-z0-9][a-z0-9._-]*) \| (.+) \|$"


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    loader = SourceFileLoader("licences", str(PROJECT / "tools/licences"))
    spec = importlib.util.spec_from_loader("licences", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def rows() -> dict[str, str]:
    page = (PROJECT / "docs/reference/licences.md").read_text()
    return dict(re.findall(ROW, page, re.MULTILINE))


def test_every_package_that_is_installed_has_its_licence_on_the_page(licences: ModuleType) -> None:
    wanted = dict(re.findall(ROW, licences.page(), re.MULTILINE))
    assert len(wanted) > 200
    # Another Python has a few packages more or less: what both have is the same.
    assert {name: rows().get(name) for name in wanted} == wanted
    assert set(rows()) <= set(PINS)


def test_no_licence_is_missing_or_asks_for_more_than_we_give(licences: ModuleType) -> None:
    found = rows()
    assert [name for name, licence in found.items() if licence == "not said"] == []
    strong = {name for name, licence in found.items() if re.search(r"\bA?GPL", licence)}
    assert strong == set()
    # Used as they come, linked at run time.
    weak = {name for name, licence in found.items() if re.search("LGPL|MPL", licence)}
    assert weak == {"psycopg", "psycopg-binary", "psycopg2-binary", "certifi", "pathspec"}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache-2.0 OR BSD-3-Clause", "Apache-2.0 OR BSD-3-Clause"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("MIT License", "MIT"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("GNU Lesser General Public License v3", "LGPL"),
    ],
)
def test_the_names_of_one_licence_become_one(licences: ModuleType, said: str, name: str) -> None:
    assert licences.normalised(said) == name


def test_the_list_of_parts_has_every_pin_with_its_hashes(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    maker = Path(sys.executable).parent / "cyclonedx-py"
    command = [
        str(maker),
        "requirements",
        "--pyproject",
        "pyproject.toml",
        "--output-reproducible",
        "--no-validate",
        "--of",
        "JSON",
    ]
    subprocess.run([*command, "--output-file", str(target), "requirements.txt"], cwd=PROJECT, check=True)
    document = json.loads(target.read_text())
    parts = {part["name"].lower().replace("_", "-"): part for part in document["components"]}
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "bagfill"
    assert set(PINS) <= set(parts)
    assert all("hashes" in json.dumps(part) for part in parts.values())
    assert parts["apache-airflow"]["version"] == distribution("apache-airflow").version


def test_every_hole_that_is_left_out_is_explained() -> None:
    lines = (PROJECT / "tools/known-holes.txt").read_text().splitlines()
    for line in (line for line in lines if line and not line.startswith("#")):
        identifier, _, reason = line.partition(" ")
        assert re.fullmatch(r"(CVE|GHSA|PYSEC)-\S+", identifier), line
        assert len(reason.strip()) > 30, f"say why {identifier} does not touch Bagfill"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("No known vulnerabilities found", 0),
        ("Name Version ID\nx 1 CVE-1", 1),
        ("Traceback (most recent call last):\nrequests.exceptions.ConnectionError", 2),
        ("\n".join(f"Dependency not found on PyPI and could not be audited: p{n} (1)" for n in range(9)), 2),
    ],
)
def test_the_audit_tells_holes_from_no_answer(answer: str, code: int, tmp_path: Path) -> None:
    """With a pip-audit that answers as it does."""
    for name in ("tools", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("audit", "known-holes.txt"):
        (tmp_path / "tools" / name).write_bytes((PROJECT / "tools" / name).read_bytes())
    stub = tmp_path / ".venv/bin/pip-audit"
    (tmp_path / "answer").write_text(answer + "\n")
    stub.write_text(f'#!/bin/sh\ncat "{tmp_path}/answer"\nexit {1 if code == 1 else 0}\n')
    for path in (stub, tmp_path / "tools/audit"):
        path.chmod(0o755)
    done = subprocess.run([str(tmp_path / "tools/audit")], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
