"""``bagfill db upgrade`` and ``bagfill db downgrade``."""

from __future__ import annotations

from pathlib import Path

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.database.engine import open_database, writing
from bagfill.database.migrate import downgrade, known_revisions, upgrade
from bagfill.database.revision import NEWEST, current_revision
from bagfill.registry.sql_counts import recount
from bagfill.settings import load_settings


def run(answers: Answers, config: Path | None) -> Exit:
    """Bring the tables up to date."""
    engine = open_database(load_settings(config).database.get_secret_value())
    try:
        before = current_revision(engine)
        upgrade(engine)
        after = current_revision(engine)
    finally:
        engine.dispose()
    if answers.as_json:
        answers.document({"before": before, "after": after})
    else:
        answers.text(
            f"The database is at {after}" + (", as before." if before == after else f" (before: {before or 'empty'}).")
        )
    return Exit.DONE


def run_recount(answers: Answers, config: Path | None) -> Exit:
    """Count coverage anew."""
    engine = open_database(load_settings(config).database.get_secret_value())
    try:
        if current_revision(engine) != NEWEST:
            raise CommandError(f"the database is not at {NEWEST}: bagfill db upgrade comes first")
        with writing(engine) as connection:
            recount(connection)
    finally:
        engine.dispose()
    if answers.as_json:
        answers.document({"recounted": True})
    else:
        answers.text("Coverage is counted anew.")
    return Exit.DONE


def run_downgrade(answers: Answers, config: Path | None, revision: str, *, sure: bool) -> Exit:
    """Take the tables back to what an older release knows.

    Args:
        revision: the newest that the older release knows; ``bagfill doctor`` of that release names it.
        sure: whether the loss of what later revisions added is wanted.
    """
    known = known_revisions()
    if revision not in known:
        raise CommandError(f"{revision!r} is no revision; known are {', '.join(reversed(known))}")
    if not sure:
        raise CommandError(
            f"this removes tables and columns that came after {revision}, with what is in them: add --yes"
        )
    engine = open_database(load_settings(config).database.get_secret_value())
    try:
        before = current_revision(engine)
        if before is None or before < revision:
            raise CommandError(
                f"the database is at {before or 'no revision (no tables)'}: there is no way back to {revision}"
            )
        downgrade(engine, revision)
    finally:
        engine.dispose()
    if answers.as_json:
        answers.document({"before": before, "after": revision})
    else:
        answers.text(f"The database is at {revision} (before: {before}).")
    return Exit.DONE
