from __future__ import annotations

import shlex

import pytest
import typer

from bagfill.audit.model import FindingKind
from bagfill.audit.steps_to_take import steps_to_take
from bagfill.bag.identifiers import BagVersionId
from bagfill.cli.app import app
from bagfill.storage.location import Location, Provider

V2 = BagVersionId.parse("born digital/it's/v2", stored=True)
PLACES = [
    Location("warm", Provider.AMAZON_S3, "bucket", "bags/"),
    Location("azure", Provider.AZURE_BLOB_STORAGE, "container"),
    Location("shelf", Provider.LOCAL, "/srv/shelf"),
]


@pytest.mark.parametrize("location", PLACES, ids=lambda place: place.name)
@pytest.mark.parametrize("kind", FindingKind)
def test_every_finding_has_commands_that_a_shell_reads_as_they_are_meant(kind: FindingKind, location: Location) -> None:
    path = "v1" if kind in {FindingKind.STRAY_VERSION, FindingKind.OLDER_VERSION_MISSING} else "data/a b$(x).txt"
    steps = steps_to_take(kind, V2, path, location)

    assert steps
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for step in steps:
        words = shlex.split(step)
        if words[0] == "bagfill":
            # Refuses options and arguments that the command has not.
            commands[words[1]].make_context(words[1], words[2:])
            assert any(word == str(V2.bag) for word in words) or "--space" in words


@pytest.mark.parametrize("location", PLACES, ids=lambda place: place.name)
def test_what_is_deleted_by_hand_is_kept_first(location: Location) -> None:
    keep, delete, repair = map(shlex.split, steps_to_take(FindingKind.DAMAGED, V2, "data/a b", location))

    key = f"{location.prefix}{V2}/data/a b"
    assert any(key in word for word in keep)
    assert any(key in word for word in delete)
    assert keep[0] in {"aws", "az", "cp"}
    assert repair == ["bagfill", "repair", str(V2.bag), "v2", "--at", location.name]
