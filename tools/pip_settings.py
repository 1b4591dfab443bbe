"""Prints shell `export` lines that give uv the package sources pip is configured with.

uv reads its own variables only. What is set for uv already is left alone.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys

# pip's option → uv's variable, and what separates several values there.
SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", None),
}


def pip_settings(listing: str) -> dict[str, str]:
    """Reads the output of `pip config list`; the environment (`:env:`) wins over files, as it does for pip."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        name, separator, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if not separator or option not in SETTINGS or section not in {"global", "install", ":env:"}:
            continue
        if option not in found or section != "global":
            found[option] = str(ast.literal_eval(value))
    return found


def exports(settings: dict[str, str]) -> list[str]:
    lines = []
    for option, value in settings.items():
        variable, separator = SETTINGS[option]
        if variable in os.environ:
            continue
        joined = value if separator is None else separator.join(value.split())
        lines.append(f"export {variable}={shlex.quote(joined)}")
    if {"index-url", "extra-index-url"} & settings.keys() and "UV_INDEX_STRATEGY" not in os.environ:
        # pip takes the best match of all indexes. Every package is pinned by hash, so no index can slip another in.
        lines.append("export UV_INDEX_STRATEGY=unsafe-best-match")
    return lines


if __name__ == "__main__":
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    print("\n".join(exports(pip_settings(listing))))
