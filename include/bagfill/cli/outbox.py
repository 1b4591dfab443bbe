"""``bagfill outbox``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for

_SECONDS = 600.0


def run(answers: Answers, config: Path | None, *, send: bool, retry: bool) -> Exit:
    """Show what a storage service has yet to be told; send it first, where that is asked for."""
    with services_for(config) as services:
        post = services.post
        if not post.is_there:
            raise CommandError("no storage service is configured: the settings have no [storage_service.ingests]")
        if retry:
            post.try_again()
        sent = post.send(_SECONDS) if send or retry else None
        counts = post.counts()
    document: dict[str, Any] = {
        "pending": counts.pending,
        "held": counts.held,
        "refused": counts.refused,
        "oldest": None if counts.oldest is None else counts.oldest.isoformat(),
        "paused_until": None if counts.paused_until is None else counts.paused_until.isoformat(),
        "why": counts.why,
    }
    if sent is not None:
        document["sent"] = {"delivered": sent.delivered, "refused": sent.refused, "put_off": sent.put_off}
    if answers.as_json:
        answers.document(document)
    else:
        if sent is not None:
            answers.text(f"Sent {sent.delivered}, refused {sent.refused}, put off {sent.put_off}.")
        answers.text(f"{counts.pending} pending, {counts.held} held, {counts.refused} refused.")
        if counts.oldest is not None:
            answers.text(f"The oldest was written {counts.oldest:%Y-%m-%d %H:%M} UTC.")
        if counts.why is not None:
            answers.text(f"Last said: {counts.why}")
        if counts.held:
            answers.text("The service would not create these ingests: put that right, then bagfill outbox --retry.")
    return Exit.NEGATIVE if counts.held or counts.refused else Exit.DONE
