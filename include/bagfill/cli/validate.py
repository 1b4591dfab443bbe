"""``bagfill validate``."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from bagfill.bag.rules.finding import Profile
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.progress import validation_bar
from bagfill.quantities import show_size
from bagfill.steps.validate_bag import NothingThere, Verdict, validate_bag
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location, Provider
from bagfill.wiring import open_reading

_SHOWN = 200


def run(answers: Answers, place: str, profile: str, connection: str | None) -> Exit:
    """Judge the bag at a place and print the verdict."""
    try:
        chosen = Profile(profile)
    except ValueError:
        raise CommandError(f"--profile: found {profile!r}, allowed are {', '.join(Profile)}") from None
    location, prefix = _place(place, connection)
    credentials = EnvironmentCredentials(os.environ)
    with closing(open_reading(location, credentials)) as store, validation_bar(answers.aside) as bar:
        task = bar.add_task("Reading", total=None)
        try:
            verdict = validate_bag(
                store,
                prefix,
                chosen,
                planned=lambda size: bar.update(task, total=size),
                read=lambda size: bar.advance(task, size),
            )
        except NothingThere:
            raise CommandError(f"nothing lies at {place}") from None
    if answers.as_json:
        answers.document({"place": place, **verdict.to_json()})
    else:
        _show(answers, place, verdict)
    return Exit.DONE if verdict.is_valid else Exit.NEGATIVE


def _place(text: str, connection: str | None) -> tuple[Location, str]:
    """The location to open, and the folder in it."""
    if "://" not in text:
        folder = Path(text).expanduser().resolve()
        if not folder.is_dir():
            raise CommandError(f"no such folder: {folder}")
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
            "the folder is not in the layout {space}/{identifier}/vN"
        )
    word = "valid" if verdict.is_valid else "not valid"
    read = f"{verdict.files:,} files, {show_size(verdict.bytes)} read"
    answers.text(f"{place}: {word} by the rules of {verdict.profile.value} ({read})")
