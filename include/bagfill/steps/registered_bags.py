"""A storage service announces that it registered a bag: start what its new bag version lacks, then forget the message.

A message is a hint that saves waiting for the next sweep, which stays the truth: what is lost or comes twice changes
nothing. Source: the service's ``BagRegistrationNotification``, by SNS (with or without raw delivery).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, ExternalIdentifier, InvalidIdentifier, Space
from bagfill.steps.import_service import import_bag_of_service
from bagfill.steps.open_ingest import announce_ingests
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepSkipped, SweepStart, candidate_for
from bagfill.storage.queue import MessageQueue, QueueMessage

logger = logging.getLogger(__name__)

_TYPE = "RegisteredBagNotification"


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A message that is no notification, and why."""

    why: str


class BagStarter(Protocol):
    """Starts runs in a workflow system, which knows each run id once."""

    def bag(self, start: SweepStart) -> bool:
        """Start a run for one bag; ``False`` if its run id is there already."""
        ...


class MalformedQueue(Protocol):
    """Gets messages that are not understood."""

    def send(self, body: str) -> None:
        """Send one message. Raises StoreError."""
        ...


@dataclass(slots=True)
class Received:
    """What a round came to, in messages, but for ``started``.

    Args:
        started: runs.
        nothing_lacking: of bag versions that are everywhere, or are worked on, or wait for a person already.
        unknown: of bag versions that the registry does not know yet; left in the queue.
        malformed: that are not understood.
    """

    messages: int = 0
    started: int = 0
    nothing_lacking: int = 0
    unknown: int = 0
    malformed: int = 0

    def to_json(self) -> dict[str, int]:
        """Counts, as plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def registered_bag(body: str) -> BagVersionId | NotUnderstood:
    """The bag version that a message is about, from SNS's envelope or without it."""
    try:
        values = json.loads(body)
        if isinstance(values, Mapping) and isinstance(values.get("Message"), str):
            values = json.loads(values["Message"])
    except (ValueError, RecursionError):
        return NotUnderstood("it is not JSON")
    if not isinstance(values, Mapping) or values.get("type") != _TYPE:
        return NotUnderstood(f"its type is not {_TYPE}")
    texts: list[str] = []
    for name in ("space", "externalIdentifier", "version"):
        text = values.get(name)
        if not isinstance(text, str) or not text:
            return NotUnderstood(f"{name} is missing")
        texts.append(text)
    try:
        # As it is stored there: identifiers from before today's rules are announced as well.
        space, identifier = Space.stored(texts[0]), ExternalIdentifier.stored(texts[1])
        return BagVersionId(BagId(space, identifier), BagVersion.parse(texts[2]))
    except InvalidIdentifier as error:
        return NotUnderstood(str(error))


def receive_registered_bags(
    services: Services,
    queue: MessageQueue,
    starter: BagStarter,
    *,
    malformed: Callable[[], MalformedQueue] | None,
    limit: int,
) -> Received:
    """Take messages until there are none, or ``limit`` is reached.

    A message is deleted once the ingests of what it lacks are in the tracker and their run exists, or nothing is
    lacking. Killed before, it comes again, and finds what was begun.

    Args:
        queue: of notifications.
        starter: starts runs.
        malformed: opens the queue for what is not understood; ``None``: that stays, for the queue's own rules.
        limit: most messages.

    Raises:
        StoreError: a queue did not answer. DatabaseError and what ``starter`` raises pass through as well.
    """
    received = Received()
    while received.messages < limit and (messages := queue.receive(0)):
        received.messages += len(messages)
        done = [message for message in messages if _is_done(services, message, starter, malformed, received)]
        queue.delete(done)
        if not done:
            # What is left comes again when it becomes visible.
            break
    return received


def _is_done(
    services: Services,
    message: QueueMessage,
    starter: BagStarter,
    malformed: Callable[[], MalformedQueue] | None,
    received: Received,
) -> bool:
    match registered_bag(message.body):
        case NotUnderstood(why=why):
            received.malformed += 1
            # Not its text: the first message of a subscription holds the token that confirms it.
            logger.warning("A message of %d characters is not understood: %s", len(message.body), why)
            if malformed is None:
                return False
            malformed().send(message.body)
            return True
        case BagVersionId() as bag_version:
            if services.beside is not None:
                import_bag_of_service(services, services.beside.registry, bag_version.bag)
            if bag_version.version not in services.registry.versions(bag_version.bag):
                received.unknown += 1
                logger.info("%s is announced, and the registry does not know it yet.", bag_version)
                return False
            _start(services, bag_version, starter, received)
            return True
        case other:
            assert_never(other)


def _start(services: Services, bag_version: BagVersionId, starter: BagStarter, received: Received) -> None:
    lacking = False
    for destination in _declared(services, str(bag_version.space)):
        match candidate_for(services, bag_version.bag, destination):
            case None:
                pass
            case SweepSkipped(why=why):
                logger.info("%s -> %s: left alone: %s", bag_version, destination, why)
            case SweepStart() as start:
                lacking = True
                if starter.bag(start):
                    received.started += 1
                announce_ingests(services, BackfillRequest.parse(services, start.run_id, start.fields))
            case other:
                assert_never(other)
    received.nothing_lacking += not lacking


def _declared(services: Services, space: str) -> Sequence[str]:
    """Where the policies want bags of a space, each location once."""
    policies = [policy for policy in services.policies if not policy.spaces or space in policy.spaces]
    return tuple(dict.fromkeys(name for policy in policies for name in policy.locations))
