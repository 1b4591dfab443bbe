"""PREMIS 3.0: the order and number of elements that the official schema fixes, and what they say.

The schema itself is not part of this project: ``SCHEMA`` below is its structure for the elements that are written here,
with the bounds of ``premis-v3-0.xsd``. Types of values (dates, numbers) are checked one by one.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest

from bagfill.fixity.premis import NAMESPACE, premis_document
from bagfill.fixity.receipt_writer import ReceiptText
from bagfill.fixity.receipts import ReceiptReader
from contracts.sample_receipts import FILES, file_values, header_values, many_files

XSI = "{http://www.w3.org/2001/XMLSchema-instance}type"
_LINK = "linkingEventIdentifier* linkingRightsStatementIdentifier*"
SCHEMA = {
    "premis": "object+ event* agent* rights*",
    "object:representation": (
        f"objectIdentifier+ preservationLevel* significantProperties* originalName? storage* relationship* {_LINK}"
    ),
    "object:file": (
        "objectIdentifier+ preservationLevel* significantProperties* objectCharacteristics+ originalName? storage* "
        f"signatureInformation* relationship* {_LINK}"
    ),
    "objectIdentifier": "objectIdentifierType objectIdentifierValue",
    "objectCharacteristics": (
        "compositionLevel? fixity* size? format+ creatingApplication* inhibitors* objectCharacteristicsExtension*"
    ),
    "fixity": "messageDigestAlgorithm messageDigest messageDigestOriginator?",
    "format": "formatDesignation formatRegistry? formatNote*",
    "formatDesignation": "formatName formatVersion?",
    "storage": "contentLocation storageMedium?",
    "contentLocation": "contentLocationType contentLocationValue",
    "relationship": (
        "relationshipType relationshipSubType relatedObjectIdentifier+ relatedEventIdentifier* "
        "relatedEnvironmentPurpose* relatedEnvironmentCharacteristic?"
    ),
    "relatedObjectIdentifier": "relatedObjectIdentifierType relatedObjectIdentifierValue relatedObjectSequence?",
    "event": (
        "eventIdentifier eventType eventDateTime eventDetailInformation* eventOutcomeInformation* "
        "linkingAgentIdentifier* linkingObjectIdentifier*"
    ),
    "eventIdentifier": "eventIdentifierType eventIdentifierValue",
    "eventDetailInformation": "eventDetail? eventDetailExtension*",
    "eventOutcomeInformation": "eventOutcome eventOutcomeDetail*",
    "eventOutcomeDetail": "eventOutcomeDetailNote? eventOutcomeDetailExtension*",
    "linkingAgentIdentifier": "linkingAgentIdentifierType linkingAgentIdentifierValue linkingAgentRole*",
    "linkingObjectIdentifier": "linkingObjectIdentifierType linkingObjectIdentifierValue linkingObjectRole*",
    "agent": (
        "agentIdentifier+ agentName* agentType? agentVersion? agentNote* agentExtension* linkingEventIdentifier* "
        "linkingRightsStatementIdentifier* linkingEnvironmentIdentifier*"
    ),
    "agentIdentifier": "agentIdentifierType agentIdentifierValue",
}
ODD = 'data/<&>"\x01\r\n\ufffe.txt'


def document(files: list[dict[str, object]]) -> ET.Element:
    text = ReceiptText(header_values("digitised/b1/v1", "00000000-0000-0000-0000-000000000001"), files)
    reader = ReceiptReader(text.lines())
    return ET.fromstring(b"".join(premis_document(reader.header, reader.files())))  # noqa: S314 - our own


@pytest.fixture(scope="module")
def premis() -> ET.Element:
    return document([file_values(path, data) for path, data in sorted({**FILES, ODD: b"odd"}.items())])


def local(element: ET.Element) -> str:
    namespace, _, name = element.tag.removeprefix("{").partition("}")
    assert namespace == NAMESPACE
    return name


def problems(element: ET.Element) -> list[str]:
    name = local(element)
    kind = element.get(XSI)
    model = SCHEMA.get(f"{name}:{kind}" if kind else name)
    children = [local(child) for child in element]
    if model is None:
        return [f"{name} has children"] if children else [] if element.text else [f"{name} is empty"]
    pattern = "".join(f"(?:{part.rstrip('+*?')} ){part[-1] if part[-1] in '+*?' else ''}" for part in model.split())
    found = [] if re.fullmatch(pattern, "".join(f"{child} " for child in children)) else [f"{name}: {children}"]
    return found + [problem for child in element for problem in problems(child)]


def texts(premis: ET.Element, path: str) -> list[str]:
    return [element.text or "" for element in premis.findall(path.replace("/", "/p:"), {"p": NAMESPACE})]


def test_every_element_is_where_the_schema_wants_it(premis: ET.Element) -> None:
    assert problems(premis) == []
    assert premis.get("version") == "3.0"
    # The check itself sees what is out of order, missing, or unknown.
    event = premis.find("p:event", {"p": NAMESPACE})
    assert event is not None
    assert problems(document([]))[:1] == []
    event[1], event[2] = event[2], event[1]
    assert len(problems(premis)) == 1
    event[1], event[2] = event[2], event[1]
    stray = ET.SubElement(event, f"{{{NAMESPACE}}}eventType")
    stray.text = "x"
    assert len(problems(premis)) == 1
    event.remove(stray)


def test_the_three_events_name_their_agent_and_their_objects(premis: ET.Element) -> None:
    assert texts(premis, "./event/eventType") == ["replication", "message digest calculation", "fixity check"]
    assert set(texts(premis, "./event/eventOutcomeInformation/eventOutcome")) == {"success"}
    for moment in texts(premis, "./event/eventDateTime"):
        assert datetime.fromisoformat(moment).tzinfo is not None
    agents = texts(premis, "./agent/agentIdentifier/agentIdentifierValue")
    assert agents == ["bagfill 1.0"]
    assert texts(premis, "./event/linkingAgentIdentifier/linkingAgentIdentifierValue") == agents * 3
    objects = set(texts(premis, "./object/objectIdentifier/objectIdentifierValue"))
    linked = texts(premis, "./event/linkingObjectIdentifier/linkingObjectIdentifierValue")
    assert len(linked) == 4
    assert set(linked) <= objects
    assert texts(premis, "./event/linkingObjectIdentifier/linkingObjectRole")[:2] == ["source", "outcome"]
    assert len(set(texts(premis, "./event/eventIdentifier/eventIdentifierValue"))) == 3


def test_every_file_is_an_object_with_its_digests(premis: ET.Element) -> None:
    files = [each for each in premis.findall("p:object", {"p": NAMESPACE}) if each.get(XSI) == "file"]
    assert len(files) == len(FILES) + 1
    names = texts(premis, "./object/originalName")[2:]
    assert names == ["bag-info.txt", 'data/<&>"%01\r\n%EF%BF%BE.txt', *sorted(FILES)[1:]]
    alpha = next(each for each in files if "data/a b.txt" in texts(each, "./originalName"))
    assert texts(alpha, "./objectCharacteristics/fixity/messageDigestAlgorithm") == ["MD5", "SHA-256"]
    digests = file_values("data/a b.txt", b"alpha")["digests"]
    assert texts(alpha, "./objectCharacteristics/fixity/messageDigest") == [digests["md5"], digests["sha256"]]
    assert texts(alpha, "./objectCharacteristics/size") == ["5"]
    assert texts(alpha, "./storage/storageMedium") == ["azure-blob-storage Hot"]


def test_the_document_is_written_while_the_receipt_is_read() -> None:
    text = ReceiptText(header_values("digitised/b1/v1", "i"), many_files(1000))
    reader = ReceiptReader(text.lines())
    pieces = premis_document(reader.header, reader.files())
    for _ in range(10):
        next(pieces)
    with pytest.raises(RuntimeError, match="not written"):
        _ = text.summary
    assert sum(1 for _ in pieces) > 900
