"""Settings that a how-to shows are settings: added to a small file, they are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bagfill.settings import load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
REST = """
[registry]
database = "sqlite:///registry.sqlite"
[work_area]
path = "work"
[receipts]
path = "receipts"
[manifests]
path = "manifests"
"""


@pytest.mark.parametrize("page", ["howto/add-a-location.md", "howto/azure-to-s3.md", "tutorial.md"])
def test_locations_and_policies_that_are_shown_are_accepted(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text()
    shown = re.findall(r"^```toml\n(.*?)^```|^cat > bagfill.toml <<'TOML'\n(.*?)^TOML$", text, re.DOTALL | re.MULTILINE)
    assert shown
    for alone, whole in shown:
        file = tmp_path / "bagfill.toml"
        # The example settings have a table of prices for each location; here a page brings its own.
        file.write_text(
            (REST + alone if alone else whole)
            .replace("${PRIMARY_BUCKET}", "some-bucket")
            .replace("${AZURE_CONTAINER}", "some-container")
        )
        assert load_settings(file).locations
