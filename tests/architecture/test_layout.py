"""Where things are, and what the committed pins look like."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", "tools/uv-requirements.txt"]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)(.*)$", (PROJECT / name).read_text(), re.MULTILINE)
    # Some packages are pinned once for each Python; the marker keeps them apart.
    return {f"{package}{marker.rstrip(' ' + chr(92))}": version for package, version, marker in found}


def test_tests_are_no_packages() -> None:
    """With an `__init__.py`, tests/bagfill would hide the real bagfill (pytest's importlib mode)."""
    assert list((PROJECT / "tests").rglob("__init__.py")) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "common", "manager", "helpers", "helper", "misc"}
    files = [*(PROJECT / "include").rglob("*.py"), *(PROJECT / "plugins").rglob("*.py")]
    assert files
    assert {str(file) for file in files if {file.stem, *file.parent.parts[-2:]} & empty} == set()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_pin_has_hashes_and_no_address(name: str) -> None:
    text = (PROJECT / name).read_text()
    assert "://" not in text
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert len(blocks) == len(pins(name))
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_development_and_production_have_the_same_versions() -> None:
    production, development = pins("requirements.txt"), pins("requirements-dev.txt")
    assert production
    assert {name: development.get(name) for name in production} == production


def test_pins_follow_the_project(project: dict[str, Any]) -> None:
    """`make lock` after a change of pyproject.toml; exact versions and names are compared."""
    names = {pin.partition(" ")[0].lower() for pin in pins("requirements-dev.txt")}
    extras = [entry for group in project["optional-dependencies"].values() for entry in group]
    wanted = [entry for entry in project["dependencies"] + extras if not entry.startswith("bagfill[")]
    missing = [entry for entry in wanted if re.split(r"[\[<>=!~ ;]", entry)[0].lower() not in names]
    assert missing == []
    exact = dict(entry.split("==") for entry in wanted if "==" in entry)
    pinned = pins("requirements-dev.txt")
    assert {name: pinned[name] for name in exact} == exact


def test_the_lock_of_azurite_has_sums_and_no_registry() -> None:
    lock = json.loads((PROJECT / "tools/azurite/package-lock.json").read_text())
    wanted = json.loads((PROJECT / "tools/azurite/package.json").read_text())["dependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, entry in packages.items() if "resolved" in entry or "integrity" not in entry] == []
