"""Headless Chromium for tests of pages, with axe's rules of accessibility; both installed by ``make browser``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Frame, Page, sync_playwright

_FOLDER = Path(__file__).resolve().parents[1] / ".bagfill" / "browser"
_PROGRAM = _FOLDER / "unpacked" / "chromium"
_AXE = _FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that may not leave this machine."""
    assert _PROGRAM.exists(), "no browser is installed: make browser"
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=_PROGRAM,
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
            env={**os.environ, **_libraries()},
        )
        try:
            yield started
        finally:
            started.close()


def findings(shown: Page | Frame) -> list[str]:
    """What axe finds wrong with a page: rule, what it is about, and the first elements."""
    shown.evaluate(_AXE.read_text())
    found: dict[str, Any] = shown.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, iframes: false})", _RULES
    )
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:150] for node in each['nodes'][:3]]}"
        for each in found["violations"]
    ]


def _libraries() -> dict[str, str]:
    """The package's own libraries, where the machine lacks some that a browser needs."""
    listed = subprocess.run(["ldd", str(_PROGRAM)], capture_output=True, text=True, check=False).stdout
    return {"LD_LIBRARY_PATH": str(_PROGRAM.parent / "al2023" / "lib")} if "not found" in listed else {}
