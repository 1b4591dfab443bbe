"""Large objects at Azure: blocks whose ids say what they are, committed only if no blob is there.

A block id carries index, token and CRC-64, so any process can tell from the list of uncommitted blocks which bytes
are there.
Sent without the SDK: loading it costs as much processor time as sending half a GiB.
Sources: Put Block (``x-ms-content-crc64``), Get Block List, Put Block List (``If-None-Match``).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.errors import StoreFailure
from bagfill.storage.keys import require_sequence
from bagfill.storage.store import NOTHING_NOTED, AlreadyExists, Created, Noted, ObjectStore, StagedBlock, TransitCheck

MOST_BLOCKS = 50_000
_LONGEST_LIST = 16 * 1024 * 1024
"""Of an answer: some 130 bytes for each of 100,000 uncommitted blocks."""
_BLOCK_ID = re.compile(r"(\d{6})-([0-9a-f]{8})-([0-9a-f]{16})")
_FETCHED_ID = re.compile(r"(\d{6})\+([0-9a-f]{8})-[0-9a-f]{16}")
_TOKEN = re.compile(r"[0-9a-f]{8}")


def new_token() -> str:
    """For a staged write: what an earlier one left under the same name, perhaps of another source, is not its own."""
    return secrets.token_hex(4)


def block_id(index: int, token: str, crc: Crc64) -> str:
    """32 characters for every block, as Azure wants one length for all; at most 64 bytes are allowed."""
    return f"{index:06d}-{token}-{crc.value:016x}"


def fetched_block_id(index: int, token: str, nonce: str) -> str:
    """Of a block whose CRC is known only after it was fetched: another for each try, as long as any other.

    Args:
        token: of the staged write.
        nonce: 16 hexadecimal digits.
    """
    return f"{index:06d}+{token}-{nonce}"


def recognised(blocks: Iterable[tuple[str, int]], token: str, noted: Noted = NOTHING_NOTED) -> dict[int, StagedBlock]:
    """A staged write's blocks by index, out of (id, size) of all uncommitted blocks of the blob.

    Blocks of others are left out. An index that was staged with different bytes has no known CRC here: which of them
    came last is not told, and a commit names the one it means anyway.

    Args:
        blocks: as Azure lists them.
        token: of the staged write.
        noted: CRCs of fetched blocks, which their ids do not tell. One that is not noted gives way to any other.
    """
    known: dict[int, StagedBlock] = {}
    unknown: dict[int, StagedBlock] = {}
    for name, size in blocks:
        if (sent := _BLOCK_ID.fullmatch(name)) and sent[2] == token:
            block = StagedBlock(int(sent[1]), size, Crc64(int(sent[3], 16), size))
            same = known.get(block.index, block) == block
            known[block.index] = block if same else StagedBlock(block.index, size, None)
        elif (fetched := _FETCHED_ID.fullmatch(name)) and fetched[2] == token:
            crc = noted.get(name)
            block = StagedBlock(int(fetched[1]), size, crc, name)
            # One that is shorter than what was asked for counts as any block that nobody knows.
            if name in noted and (crc is None or crc.size == size):
                same = known.get(block.index, block) == block
                known[block.index] = block if same else StagedBlock(block.index, size, None)
            else:
                unknown[block.index] = StagedBlock(block.index, size, None)
    return dict(sorted({**unknown, **known}.items()))


class AzureStagedWrite:
    """Uncommitted blocks of one blob; see :class:`bagfill.storage.store.StagedWrite`.

    Args:
        container: for the identity that writes.
        key: the blob's name.
        store: asked whether a blob is there.
        token: stands in the ids of this staged write's blocks.

    Raises:
        StoreError: MISSING, the token is none.
    """

    def __init__(self, container: AzureLean, key: str, store: ObjectStore, token: str) -> None:
        self._container = container
        self._key = key
        self._store = store
        self._token = token
        if not _TOKEN.fullmatch(token):
            raise container.error(StoreFailure.MISSING, key, "stage", "no such staged write")

    @property
    def token(self) -> str:
        """What stands in the ids of its blocks."""
        return self._token

    @property
    def check(self) -> TransitCheck:
        """CRC-64."""
        return TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        """See :meth:`StagedWrite.staged`. Azure drops uncommitted blocks a week after the last one came."""
        answer = self._container.send(
            "GET",
            self._key,
            operation="list blocks",
            parameters={"comp": "blocklist", "blocklisttype": "uncommitted"},
            longest=_LONGEST_LIST,
        )
        if answer.status == 404 and answer.headers.get("x-ms-error-code") == "BlobNotFound":
            return {}
        if answer.status != 200:
            raise self._container.refusal(answer, self._key, "list blocks")
        try:
            return recognised(_listed(answer.body), self._token, noted)
        except (ET.ParseError, ValueError) as error:
            detail = f"a list of blocks that cannot be read ({type(error).__name__})"
            raise self._container.error(StoreFailure.UNAVAILABLE, self._key, "list blocks", detail) from None

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`. At most 50,000 blocks."""
        if not 0 <= index < MOST_BLOCKS:
            detail = f"block {index}: {MOST_BLOCKS:,} at most"
            raise self._container.error(StoreFailure.UNSUPPORTED, self._key, "stage block", detail)
        answer = self._container.send(
            "PUT",
            self._key,
            operation="stage block",
            parameters={"comp": "block", "blockid": _encoded(block_id(index, self._token, crc))},
            headers={"x-ms-content-crc64": crc.azure},
            body=data,
        )
        if answer.status != 201:
            raise self._container.refusal(answer, self._key, "stage block")
        if answer.headers.get("x-ms-content-crc64", crc.azure) != crc.azure:
            detail = "the provider computed another CRC-64"
            raise self._container.error(StoreFailure.CORRUPTED_IN_TRANSIT, self._key, "stage block", detail)
        return StagedBlock(index=index, size=len(data), crc=crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        require_sequence(blocks)
        names = []
        for block in blocks:
            if not block.label and block.crc is None:
                detail = f"block {block.index} has no known CRC: stage it"
                raise self._container.error(StoreFailure.MISSING, self._key, "commit", detail)
            names.append(_encoded(block.label or block_id(block.index, self._token, block.crc or Crc64())))
        wanted = "".join(f"<Uncommitted>{name}</Uncommitted>" for name in names)
        answer = self._container.send(
            "PUT",
            self._key,
            operation="commit",
            parameters={"comp": "blocklist"},
            headers={"If-None-Match": "*"},
            body=f'<?xml version="1.0" encoding="utf-8"?><BlockList>{wanted}</BlockList>'.encode(),
        )
        if answer.status == 201:
            return Created(
                etag=answer.headers.get("ETag", "").strip('"'),
                version_id=answer.headers.get("x-ms-version-id"),
                request_id=answer.headers.get("x-ms-request-id"),
            )
        # The condition refused, or the blocks are gone because somebody committed them: a blob that is there exists.
        # Nothing else does.
        gone = answer.headers.get("x-ms-error-code") == "InvalidBlockList"
        if (answer.status in {409, 412} or gone) and self._store.stat(self._key) is not None:
            return AlreadyExists()
        raise self._container.refusal(answer, self._key, "commit")

    def abandon(self) -> None:
        """Nothing can be sent: Azure has no call that drops uncommitted blocks. They go by themselves in a week."""


def _encoded(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


def _listed(text: bytes) -> Iterator[tuple[str, int]]:
    """Id and size of every uncommitted block. Raises ParseError or ValueError."""
    # Of the storage account itself, over TLS, and bounded in length.
    for block in ET.fromstring(text).iterfind("UncommittedBlocks/Block"):  # noqa: S314
        name = base64.b64decode(block.findtext("Name", ""), validate=True)
        yield name.decode(errors="replace"), int(block.findtext("Size", ""))
