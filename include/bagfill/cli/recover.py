"""``bagfill recover``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.places import configured_place, named_place, open_place
from bagfill.cli.printable import in_one_line
from bagfill.cli.validation_bar import validation_bar
from bagfill.quantities import show_size
from bagfill.steps.folder_files import NothingThere, ObjectsArchived
from bagfill.steps.recover_bag import Recovered, recover_bag
from bagfill.steps.recovery_folder import FolderInUse, RecoveryRuns

_SHOWN = 20


def run(
    answers: Answers, place: str, into: Path, connection: str | None, *, location: str | None, config: Path | None
) -> Exit:
    """Write the bag version at a place into a folder, prove it, and say what came back."""
    if location is not None:
        at, prefix, _ = configured_place(place, location, config)
    else:
        at, prefix = named_place(place, connection)
    folder = into.expanduser().resolve()
    with closing(open_place(at)) as store, validation_bar(answers.aside) as bar:
        task = bar.add_task("Moving and reading again", total=None)
        try:
            recovered = recover_bag(
                store,
                prefix,
                folder,
                planned=lambda size: bar.update(task, total=size),
                moved=lambda size: bar.advance(task, size),
            )
        except NothingThere:
            raise CommandError(f"nothing lies at {place}") from None
        except FolderInUse:
            raise CommandError(
                f"--into: {folder} holds files that no unfinished recovery left there; name a new folder"
            ) from None
        except RecoveryRuns:
            raise CommandError(
                f"--into: another recovery writes into {folder} now; wait for it to end, or name a new folder"
            ) from None
        except ObjectsArchived as archived:
            raise CommandError(
                f"nothing was written: {archived.archived:,} of {archived.objects:,} objects are archived, "
                f"first {archived.first}; thaw them first"
            ) from None
    if answers.as_json:
        answers.document({"place": place, "folder": str(folder), **recovered.to_json()})
    else:
        _show(answers, folder, recovered)
    return Exit.DONE if recovered.is_whole else Exit.NEGATIVE


def _show(answers: Answers, folder: Path, recovered: Recovered) -> None:
    for path in recovered.not_found[:_SHOWN]:
        answers.text(in_one_line(f"not found  {path}: fetch.txt names it, no older version here has it"))
    for finding in recovered.verdict.findings[:_SHOWN]:
        where = f" {finding.path}" if finding.path else ""
        answers.text(in_one_line(f"{finding.code} {finding.severity.value}{where}: {finding.message}"))
    kept = f", {recovered.kept:,} of them by an earlier run" if recovered.kept else ""
    answers.text(f"{folder}: {recovered.files:,} files, {show_size(recovered.bytes)}{kept}")
    answers.text(
        "whole: every byte was read again and every checksum of the bag matches"
        if recovered.is_whole
        else "NOT whole: see above; what could be had was written"
    )
