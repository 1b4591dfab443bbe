"""The commands of the pages are run as they stand: those in ``sh`` blocks, one after the other, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.clouds import make_tutorial_places, tutorial_environment
from bagfill.demo.ministack import MiniStack

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOOLS = Path(sys.executable).parent

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]


def commands(page: str) -> str:
    """The ``sh`` blocks of a page; ``console`` blocks are shown, not run."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks, f"{page} has no command"
    return "".join(blocks)


@pytest.fixture
def given(ministack: MiniStack, azurite: Azurite) -> Mapping[str, str]:
    make_tutorial_places(ministack, azurite)
    return {
        **tutorial_environment(ministack, azurite),
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": os.environ.get("HOME", "/"),
    }


def run(page: str, folder: Path, given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-euc", commands(page)], cwd=folder, env=dict(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_tutorial_ends_with_a_bag_that_was_brought_back_from_azure_alone(
    tmp_path: Path, given: Mapping[str, str]
) -> None:
    done = run("tutorial.md", tmp_path, given)
    assert (tmp_path / "back/data/1843-07-02.txt").read_text() == "Dear Ada,\n"
    assert "every byte was read again and every checksum of the bag matches" in done.stdout
