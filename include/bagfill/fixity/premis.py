"""A receipt as PREMIS 3.0: replication, fixity check and message digest calculation, with agents and objects.

Sources: PREMIS Data Dictionary 3.0 and its XML schema, which fixes the order of elements; the Library of Congress's
vocabularies for the types of events, relationships and agents. Written while the receipt is read: the schema puts
objects first, and only the events need the counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote
from uuid import UUID, uuid5
from xml.sax.saxutils import escape

from bagfill.checksum.algorithm import Algorithm
from bagfill.fixity.receipt_form import FileLine, Header, Place

NAMESPACE = "http://www.loc.gov/premis/v3"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.loc.gov/standards/premis/premis.xsd"
# What XML 1.0 cannot hold, section 2.2.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def premis_document(header: Header, files: Iterable[FileLine]) -> Iterator[bytes]:
    """The document in pieces, UTF-8.

    Args:
        header, files: of a receipt; the files are taken one by one.
    """
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<premis xmlns="{NAMESPACE}" xmlns:xsi="{_INSTANCE}" '
        f'xsi:schemaLocation="{NAMESPACE} {_SCHEMA}" version="3.0">\n'
    ).encode()
    source, destination = _place(header.source), _place(header.destination)
    yield _representation(header, source, header.source)
    derived = _relationship("derivation", "has source", "replica", source)
    yield _representation(header, destination, header.destination, derived)
    count, size = 0, 0
    algorithms: set[str] = set()
    for file in files:
        count, size = count + 1, size + file.size
        algorithms.update(file.digests)
        yield _file(header, destination, file)
    yield from _events(header, f"{count} files, {size} bytes", ", ".join(map(_algorithm, sorted(algorithms))))
    yield _agent(header)
    yield b"</premis>\n"


def _place(place: Place) -> str:
    return f"{place.provider}://{place.bucket.strip('/')}/{place.prefix}"


def _representation(header: Header, where: str, place: Place, *relationships: str) -> bytes:
    return _line(
        _object(
            "representation",
            _identifier("objectIdentifier", "replica", where),
            _element("originalName", _text(header.bag_version)),
            _storage(where, place.provider),
            *relationships,
        )
    )


def _file(header: Header, replica: str, file: FileLine) -> bytes:
    originator = _element("messageDigestOriginator", _text(f"{header.software.name} {header.software.version}"))
    fixity = [
        _element(
            "fixity",
            _element("messageDigestAlgorithm", _algorithm(name)),
            _element("messageDigest", digits),
            originator,
        )
        for name, digits in sorted(file.digests.items())
    ]
    # The schema demands a format, and a receipt knows none.
    unknown = _element("format", _element("formatDesignation", _element("formatName", "application/octet-stream")))
    return _line(
        _object(
            "file",
            _identifier("objectIdentifier", "replica", f"{replica}{file.path}"),
            _element("objectCharacteristics", *fixity, _element("size", str(file.size)), unknown),
            _element("originalName", _text(file.path)),
            _storage(f"{replica}{file.path}", f"{header.destination.provider} {file.object.storage_class}".strip()),
            _relationship("structural", "is part of", "replica", replica),
        )
    )


def _events(header: Header, counts: str, algorithms: str) -> Iterator[bytes]:
    there = f"{header.bag_version} at {header.destination.name}"
    source, stored = header.source.name, header.storage_manifest.sha256
    copied = f"{there} copied from {source}, ingest {header.ingest.id}"
    computed = f"every byte of {there} read back; computed: {algorithms}"
    compared = "digests of the read-back compared with payload manifests, tag manifests and the storage manifest"
    details = {
        "replication": (copied, "every file of the storage manifest is at the destination, and nothing else"),
        "message digest calculation": (computed, "a digest of every file by each of these algorithms"),
        "fixity check": (f"{there}: {compared} (SHA-256 {stored})", "all agree"),
    }
    for kind, (detail, outcome) in details.items():
        identity = uuid5(UUID(header.ingest.id), kind) if _is_uuid(header.ingest.id) else f"{header.ingest.id} {kind}"
        linked = [_linked("outcome" if kind == "replication" else "object", _place(header.destination))]
        if kind == "replication":
            linked.insert(0, _linked("source", _place(header.source)))
        yield _line(
            _element(
                "event",
                _identifier("eventIdentifier", "UUID" if isinstance(identity, UUID) else "bagfill", str(identity)),
                _element("eventType", kind),
                _element("eventDateTime", header.concluded),
                _element("eventDetailInformation", _element("eventDetail", _text(detail))),
                _element(
                    "eventOutcomeInformation",
                    _element("eventOutcome", "success"),
                    _element("eventOutcomeDetail", _element("eventOutcomeDetailNote", _text(f"{counts}: {outcome}"))),
                ),
                _identifier("linkingAgentIdentifier", "software", _software(header), role="executing program"),
                *linked,
            )
        )


def _agent(header: Header) -> bytes:
    return _line(
        _element(
            "agent",
            _identifier("agentIdentifier", "software", _software(header)),
            _element("agentName", _text(header.software.name)),
            _element("agentType", "software"),
            _element("agentVersion", _text(header.software.version)),
            _element("agentNote", f"configuration SHA-256 {header.software.configuration}"),
        )
    )


def _software(header: Header) -> str:
    return f"{header.software.name} {header.software.version}"


def _linked(role: str, where: str) -> str:
    name = "linkingObjectIdentifier"
    return _element(
        name,
        _element(f"{name}Type", "replica"),
        _element(f"{name}Value", _text(where)),
        _element("linkingObjectRole", role),
    )


def _identifier(name: str, kind: str, value: str, *, role: str | None = None) -> str:
    parts = [_element(f"{name}Type", kind), _element(f"{name}Value", _text(value))]
    return _element(name, *parts, *([] if role is None else [_element("linkingAgentRole", role)]))


def _relationship(kind: str, sub_kind: str, identifier: str, value: str) -> str:
    return _element(
        "relationship",
        _element("relationshipType", kind),
        _element("relationshipSubType", sub_kind),
        _identifier("relatedObjectIdentifier", identifier, value),
    )


def _storage(where: str, medium: str) -> str:
    location = _element(
        "contentLocation", _element("contentLocationType", "replica"), _element("contentLocationValue", _text(where))
    )
    return _element("storage", location, _element("storageMedium", _text(medium)))


def _object(kind: str, *parts: str) -> str:
    return f'<object xsi:type="{kind}">{"".join(parts)}</object>'


def _element(name: str, *parts: str) -> str:
    return f"<{name}>{''.join(parts)}</{name}>"


def _line(element: str) -> bytes:
    return f"{element}\n".encode()


def _text(text: str) -> str:
    """Escaped; a character that XML cannot hold is percent-encoded."""
    return escape(_NO_CHARACTER.sub(lambda match: quote(match[0], safe=""), text), {"\r": "&#13;"})


def _algorithm(name: str) -> str:
    return Algorithm(name).bagit_name


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
