"""``bagfill doctor``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from rich.markup import escape
from rich.table import Table

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.doctor.everything import examine
from bagfill.doctor.examine import Examination, worst_first
from bagfill.doctor.model import Verdict
from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials

_COLOURS = {Verdict.GOOD: "green", Verdict.NOTE: "", Verdict.ADVICE: "yellow", Verdict.MEND: "red"}


def run(answers: Answers, config: Path | None, location: str | None, *, every: bool) -> Exit:
    """Try what each identity must and must not be able to do."""
    settings = load_settings(config)
    if location is not None and location not in settings.locations:
        known = ", ".join(settings.locations)
        raise CommandError(f"{location!r} is no location of {settings.path}; known are: {known}")
    credentials = EnvironmentCredentials(os.environ)
    examination = Examination()
    with answers.aside.status("Looking …") as status:
        looks = examine(settings, credentials, lambda: datetime.now(UTC), _is_set, location=location)
        for subject, so_far in looks:
            status.update(f"Looked at {subject} …")
            examination = so_far
    if answers.as_json:
        answers.document(
            {
                "settings": str(settings.path),
                "verdict": examination.verdict.value,
                "findings": [finding.to_json() for finding in examination.findings],
                "remains": [{"location": place, "key": key} for place, key in examination.remains],
            }
        )
    else:
        _show(answers, examination, every=every)
    return _exit(examination.verdict)


def _is_set(connection: str) -> bool:
    return bool(os.environ.get(f"AIRFLOW_CONN_{connection.upper()}"))


def _exit(verdict: Verdict) -> Exit:
    match verdict:
        case Verdict.GOOD | Verdict.NOTE | Verdict.ADVICE:
            return Exit.DONE
        case Verdict.MEND:
            return Exit.NEGATIVE
        case Verdict.UNKNOWN:
            return Exit.FAILURE
        case _:
            assert_never(verdict)


def _show(answers: Answers, examination: Examination, *, every: bool) -> None:
    table = Table()
    for column in ("", "place", "identity", "check", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    shown = [f for f in worst_first(examination.findings) if every or f.diagnosis.verdict is not Verdict.GOOD]
    for finding in shown:
        diagnosis = finding.diagnosis
        colour = _COLOURS.get(diagnosis.verdict, "magenta")
        word = f"[{colour}]{diagnosis.verdict}[/]" if colour else diagnosis.verdict.value
        who = "" if finding.identity is None else f"{finding.identity} ({finding.connection or 'default credentials'})"
        # As they are: a prefix in brackets is no markup, and must not vanish from an ARN that somebody copies.
        texts = (finding.subject, who, finding.code, diagnosis.seen, diagnosis.advice)
        table.add_row(word, *(escape(text) for text in texts))
    if shown:
        answers.table(table)
    good = sum(finding.diagnosis.verdict is Verdict.GOOD for finding in examination.findings)
    answers.text(f"{good} of {len(examination.findings)} checks found nothing to say.")
    for place, key in examination.remains:
        answers.text(f"Left behind at {place}: {key}")
