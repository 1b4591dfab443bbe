"""``bagfill db upgrade``."""

from __future__ import annotations

from pathlib import Path

from bagfill.cli.answers import Answers, Exit
from bagfill.database.engine import open_database
from bagfill.database.migrate import upgrade
from bagfill.database.revision import current_revision
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
