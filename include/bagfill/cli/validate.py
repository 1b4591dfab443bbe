"""``bagfill validate``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bagfill.bag.identifiers import BagId, BagVersionId, InvalidIdentifier
from bagfill.bag.rules.finding import Profile
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.quantities import show_size
from bagfill.steps.validate_bag import NothingThere, ObjectsArchived, Verdict, validate_bag
from bagfill.storage.location import Location, Provider
from bagfill.storage.store import ObjectStore

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
                f"no verdict on {place}: {len(archived.keys):,} of {archived.objects:,} objects are archived and "
                f"cannot be read, first {archived.keys[0]}; thaw them, or let a backfill do it"
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
        location, prefix, identity = _configured(place, name, config)
    else:
        location, prefix = _place(place, connection)
    with closing(_open(location)) as store:
        return validate_bag(
            store,
            prefix,
            profile,
            identity=identity,
            alone_below=_SMALL if location.provider is Provider.LOCAL else 0,
            planned=planned,
            read=read,
        )


def _judge_archive(path: Path, profile: Profile, progress: _Progress) -> Verdict:
    from bagfill.steps.archive_members import ArchiveDamaged, is_archive
    from bagfill.steps.validate_archive import validate_archive

    if not is_archive(path):
        raise CommandError(f"{path} is neither a folder nor a tar or zip file")
    try:
        return validate_archive(path, profile, planned=progress.planned, read=progress.read)
    except ArchiveDamaged as damaged:
        raise CommandError(f"no verdict: {damaged}") from None


def _open(location: Location) -> ObjectStore:
    if location.provider is Provider.LOCAL:
        from bagfill.storage.local import LocalStore

        # A folder needs no credentials, and a disk that fails does not recover within seconds.
        return LocalStore(Path(location.bucket), location=location.name)
    from bagfill.storage.environment_credentials import EnvironmentCredentials
    from bagfill.storage.providers import open_store
    from bagfill.storage.retrying import RetryingStore

    return RetryingStore(open_store(location, EnvironmentCredentials(os.environ), writing=False))


def _configured(place: str, name: str, config: Path | None) -> tuple[Location, str, BagId]:
    """A bag version at a configured location."""
    # Settings bring the database's library along, which takes longer to load than most bags to judge.
    from bagfill.settings import load_settings

    locations = load_settings(config).locations
    if name not in locations:
        raise CommandError(f"--location: found {name!r}, configured locations are {', '.join(sorted(locations))}")
    try:
        bag_version = BagVersionId.parse(place.removesuffix("/"), stored=True)
    except InvalidIdentifier as error:
        raise CommandError(f"with --location, the place is SPACE/ID/vN: {error}") from None
    return locations[name], locations[name].version_prefix(bag_version), bag_version.bag


def _place(text: str, connection: str | None) -> tuple[Location, str]:
    """The location to open, and the folder in it."""
    if "://" not in text:
        folder = Path(text).expanduser().resolve()
        if not folder.is_dir():
            raise CommandError(f"no such folder, tar or zip file: {folder}")
        # Opened at the bag's space, so that the folders of its other versions can be seen.
        return Location("folder", Provider.LOCAL, str(folder.parent)), f"{folder.name}/"
    scheme, _, rest = text.partition("://")
    providers = {"s3": Provider.AMAZON_S3, "az": Provider.AZURE_BLOB_STORAGE}
    bucket, _, key = rest.partition("/")
    if scheme not in providers or not bucket:
        raise CommandError(f"found {text!r}, allowed are a folder, s3://bucket/prefix and az://container/prefix")
    prefix = key if not key or key.endswith("/") else f"{key}/"
    return Location(bucket, providers[scheme], bucket, read_connection=connection), prefix


def _show(answers: Answers, place: str, verdict: Verdict) -> None:
    for finding in verdict.findings[:_SHOWN]:
        where = f" {finding.path}" if finding.path else ""
        answers.text(f"{finding.severity.value} {finding.code}{where}: {finding.message}")
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
