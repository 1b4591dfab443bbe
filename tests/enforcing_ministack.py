"""MiniStack that asks everybody who they are and enforces IAM policies, with two condition keys that it lacks.

Run as a program it is that server. Source of the keys: Amazon S3, "Enforce conditional writes on Amazon S3 buckets".
"""

from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bagfill.demo.ministack import MiniStack
from bagfill.demo.programs import Program


class EnforcingMiniStack(MiniStack):
    """Root is ``access_key``; others are made as users of IAM."""

    name = "enforcing"

    def program(self) -> Program:
        program = super().program()
        command = (sys.executable, "-P", str(Path(__file__)), program.command[-1])
        return replace(program, command=command, environment={**program.environment, "AUTH": "true"})


def main(launcher: str) -> None:
    """Add the condition keys, then be MiniStack as ever."""
    from ministack.core import iam_actions

    known = iam_actions._s3_object_context

    def with_conditional_writes(
        iam_action: str, query_params: dict[str, Any], path: str, headers: dict[str, str]
    ) -> dict[str, Any]:
        context: dict[str, Any] = known(iam_action, query_params, path, headers)
        if iam_action == "s3:PutObject":
            creates = not {"uploads", "partNumber"} & query_params.keys()
            context["s3:ObjectCreationOperation"] = "true" if creates else "false"
            if "if-none-match" in headers:
                context["s3:if-none-match"] = headers["if-none-match"]
        return context

    iam_actions._s3_object_context = with_conditional_writes
    # It reads its own arguments.
    sys.argv = [launcher]
    runpy.run_path(launcher, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
