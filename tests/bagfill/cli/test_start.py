"""What a command loads before it does anything: a second of it for each bag would be days for a collection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"airflow", "boto3", "azure.storage.blob", "obstore", "pydantic", "rich", "sqlalchemy", "tenacity"}
PROGRAM = f"""
import atexit, gc, sys
atexit.register(lambda: print("cycles:", gc.get_threshold()[0], file=sys.stderr))
atexit.register(lambda: print("loaded:", *sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr))
from bagfill.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments", [("validate", "{folder}", "--profile", "bagit", "--json"), ("validate", "{folder}")]
)
def test_to_validate_a_folder_loads_no_cloud_client_and_nothing_that_draws(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    command = [sys.executable, "-c", PROGRAM, *(argument.format(folder=tmp_path) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    # Looking for cycles as often as Python does would be a tenth of the start.
    assert [line.strip() for line in done.stderr.splitlines()[-2:]] == ["loaded:", "cycles: 5000"]
    assert "PAYLOAD" in done.stdout or "payload" in done.stdout
