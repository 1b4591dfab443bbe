"""``bagfill validate``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bagfill.bag.identifiers import BagId
from bagfill.bag.rules.finding import Profile
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.places import configured_place, named_place, open_place
from bagfill.cli.printable import in_one_line
from bagfill.quantities import show_size
from bagfill.steps.folder_files import NothingThere, ObjectsArchived
from bagfill.steps.validate_bag import Verdict, validate_bag
from bagfill.storage.location import Provider

if TYPE_CHECKING:
    from bagfill.checksum.side_by_side import Lanes

_SHOWN = 200
_SMALL = 1024 * 1024


def run(
    answers: Answers, place: str, profile: str, connection: str | None, *, location: str | None, config: Path | None
) -> Exit:
    """Judge the bag at a place and print the verdict."""
    try:
        chosen = Profile(profile)
    except ValueError:
        raise CommandError(f"--profile: found {profile!r}, allowed are {', '.join(Profile)}") from None
    with _shown_progress(answers) as progress:
        try:
            verdict = _judge(place, chosen, connection, location, config, progress)
        except NothingThere:
            raise CommandError(f"nothing lies at {place}") from None
        except ObjectsArchived as archived:
            raise CommandError(
                f"no verdict on {place}: {archived.archived:,} of {archived.objects:,} objects are archived and "
                f"cannot be read, first {archived.first}; thaw them, or let a backfill do it"
            ) from None
    if answers.as_json:
        answers.document({"place": place, **verdict.to_json()})
    else:
        _show(answers, place, verdict)
    return Exit.DONE if verdict.is_valid else Exit.NEGATIVE


class _Progress(NamedTuple):
    planned: Callable[[int], None]
    read: Callable[[int], None]


@contextmanager
def _shown_progress(answers: Answers) -> Iterator[_Progress]:
    """A bar for whoever watches; where nobody does, what draws it is not even loaded."""
    if not sys.stderr.isatty():
        yield _Progress(lambda _: None, lambda _: None)
        return
    from bagfill.cli.validation_bar import validation_bar

    with validation_bar(answers.aside) as bar:
        task = bar.add_task("Reading", total=None)
        yield _Progress(lambda size: bar.update(task, total=size), lambda size: bar.advance(task, size))


def _judge(
    place: str, profile: Profile, connection: str | None, name: str | None, config: Path | None, progress: _Progress
) -> Verdict:
    planned, read = progress
    path = Path(place).expanduser()
    if name is None and "://" not in place and path.is_file():
        return _judge_archive(path, profile, progress)
    identity: BagId | None = None
    if name is not None:
        location, prefix, identity = configured_place(place, name, config)
    else:
        location, prefix = named_place(place, connection)
    local = location.provider is Provider.LOCAL
    with closing(open_place(location)) as store:
        return validate_bag(
            store,
            prefix,
            profile,
            identity=identity,
            alone_below=_SMALL if local else 0,
            lanes=_lanes if local else lambda: None,
            planned=planned,
            read=read,
        )


def _lanes() -> Lanes | None:
    from bagfill.checksum.lanes import lanes_of_this_machine

    return lanes_of_this_machine()


def _judge_archive(path: Path, profile: Profile, progress: _Progress) -> Verdict:
    from bagfill.steps.archive_damage import ArchiveDamaged
    from bagfill.steps.archive_members import is_archive
    from bagfill.steps.validate_archive import validate_archive

    try:
        if not is_archive(path):
            raise CommandError(f"{path} is neither a folder nor a tar or zip file")
        return validate_archive(path, profile, planned=progress.planned, read=progress.read)
    except ArchiveDamaged as damaged:
        raise CommandError(in_one_line(f"no verdict: {damaged}")) from None
    except OSError as error:
        raise CommandError(f"no verdict: {path} could not be read: {error.strerror or error}") from None


def _show(answers: Answers, place: str, verdict: Verdict) -> None:
    for finding in verdict.findings[:_SHOWN]:
        where = f" {finding.path}" if finding.path else ""
        answers.text(in_one_line(f"{finding.severity.value} {finding.code}{where}: {finding.message}"))
    if len(verdict.findings) > _SHOWN:
        answers.text(f"… and {len(verdict.findings) - _SHOWN:,} more; --json prints all")
    if verdict.not_looked_for:
        count = len(verdict.not_looked_for)
        answers.text(
            f"note: {count:,} files of fetch.txt lie elsewhere and were not looked for: "
            "the bag is not in the layout {space}/{identifier}/vN"
        )
    word = "valid" if verdict.is_valid else "not valid"
    read = f"{verdict.files:,} files, {show_size(verdict.bytes)} read"
    answers.text(f"{place}: {word} by the rules of {verdict.profile.value} ({read})")
