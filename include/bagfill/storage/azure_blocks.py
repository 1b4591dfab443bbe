"""Large objects at Azure: blocks whose ids say what they are, committed only if no blob is there.

A block id carries index, token and CRC-64, so any process can tell from the list of uncommitted blocks which bytes
are there.
Sources: Put Block (``x-ms-content-crc64``), Get Block List, Put Block List (``If-None-Match``).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobBlock, BlobClient

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_errors import code_and_status, store_error, translated
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import require_sequence
from bagfill.storage.store import NOTHING_NOTED, AlreadyExists, Created, Noted, ObjectStore, StagedBlock, TransitCheck

MOST_BLOCKS = 50_000
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
    """Uncommitted blocks of one blob; see :class:`bagfill.storage.store.StagedWrite`. Raises StoreError (MISSING): the
    token is none.
    """

    def __init__(self, blob: BlobClient, key: str, store: ObjectStore, token: str) -> None:
        self._blob = blob
        self._key = key
        self._store = store
        self._token = token
        if not _TOKEN.fullmatch(token):
            raise self._error(StoreFailure.MISSING, "stage", "no such staged write")

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
        try:
            _committed, uncommitted = self._blob.get_block_list("uncommitted")
        except AzureError as error:
            if code_and_status(error)[0] == "BlobNotFound":
                return {}
            raise self._translate(error, "list blocks") from None
        return recognised(((block.id, block.size) for block in uncommitted), self._token, noted)

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`. At most 50,000 blocks."""
        if not 0 <= index < MOST_BLOCKS:
            raise self._error(StoreFailure.UNSUPPORTED, "stage block", f"block {index}: {MOST_BLOCKS:,} at most")
        # The caller's CRC goes along as x-ms-content-crc64; `validate_content` would make the SDK compute an MD5.
        check: dict[str, Any] = {"transactional_content_crc64": bytearray(crc.azure_bytes)}
        body = bytes(data) if isinstance(data, memoryview) else data
        with translated(location=self._store.location, key=self._key, operation="stage block"):
            self._blob.stage_block(block_id(index, self._token, crc), body, length=len(data), **check)
        return StagedBlock(index=index, size=len(data), crc=crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        require_sequence(blocks)
        names = []
        for block in blocks:
            if not block.label and block.crc is None:
                raise self._error(StoreFailure.MISSING, "commit", f"block {block.index} has no known CRC: stage it")
            names.append(BlobBlock(block.label or block_id(block.index, self._token, block.crc or Crc64())))
        try:
            answer = self._blob.commit_block_list(names, match_condition=MatchConditions.IfMissing)
        except AzureError as error:
            code, status = code_and_status(error)
            # The condition refused, or the blocks are gone because somebody committed them: a blob that is there
            # exists. Nothing else does.
            if (status in {409, 412} or code == "InvalidBlockList") and self._store.stat(self._key) is not None:
                return AlreadyExists()
            raise self._translate(error, "commit") from None
        etag = str(answer.get("etag") or "").strip('"')
        version_id, request_id = answer.get("version_id"), answer.get("request_id")
        return Created(
            etag=etag,
            version_id=None if version_id is None else str(version_id),
            request_id=None if request_id is None else str(request_id),
        )

    def abandon(self) -> None:
        """Nothing can be sent: Azure has no call that drops uncommitted blocks. They go by themselves in a week."""

    def _translate(self, error: AzureError, operation: str) -> StoreError:
        return store_error(error, location=self._store.location, key=self._key, operation=operation)

    def _error(self, failure: StoreFailure, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=self._key, operation=operation, detail=detail)
