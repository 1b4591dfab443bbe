"""Large objects in a folder: blocks as files beside the objects, joined and linked at commit.

``{folder}/.bagfill-staging/{token}/`` holds one file ``key`` and the blocks as ``{index}-{crc64}``; no listing
shows it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreFailure
from bagfill.storage.keys import require_sequence
from bagfill.storage.local_files import FolderFiles
from bagfill.storage.names import STAGING_FOLDER
from bagfill.storage.store import NOTHING_NOTED, AlreadyExists, Created, Noted, StagedBlock, TransitCheck

_TOKEN = re.compile(r"[0-9a-f]{32}")
_BLOCK = re.compile(r"(\d{6})-([0-9a-f]{16})")
_CHUNK = 1024 * 1024


class LocalStagedWrite:
    """One staged write; see :class:`bagfill.storage.store.StagedWrite`."""

    def __init__(self, files: FolderFiles, key: str, token: str) -> None:
        self._files = files
        self._key = key
        self._token = token
        self._folder = files.root / STAGING_FOLDER / token

    @classmethod
    def open(cls, files: FolderFiles, key: str, token: str | None) -> LocalStagedWrite:
        """Start a staged write, or go on with one. Raises StoreError (MISSING for a token that is none)."""
        if token is None:
            # Not loaded by those who only read.
            import secrets

            write = cls(files, key, secrets.token_hex(16))
            with files.translated(key, "stage"):
                files.write(write._folder, [key.encode()]).rename(write._folder / "key")
            return write
        if not _TOKEN.fullmatch(token):
            raise files.error(StoreFailure.MISSING, key, "stage", "no such staged write")
        return cls(files, key, token)

    @property
    def token(self) -> str:
        """Name of the staging folder."""
        return self._token

    @property
    def check(self) -> TransitCheck:
        """CRC-64, computed again over the bytes that are written."""
        return TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:  # noqa: ARG002 - all CRCs are known
        """See :meth:`StagedWrite.staged`."""
        return {index: block for index, (block, _path) in sorted(self._held("list blocks").items())}

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`."""
        self._require_begun("stage block")
        if Crc64.of(data) != crc:
            detail = "the block has another CRC-64"
            raise self._files.error(StoreFailure.CORRUPTED_IN_TRANSIT, self._key, "stage block", detail)
        with self._files.translated(self._key, "stage block"):
            path = self._folder / f"{index:06d}-{crc.value:016x}"
            self._files.write(self._folder, [data]).rename(path)
            for other in self._folder.glob(f"{index:06d}-*"):
                if other != path:
                    other.unlink(missing_ok=True)
        return StagedBlock(index=index, size=len(data), crc=crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        require_sequence(blocks)
        if self._files.stat(self._key, "commit") is not None:
            self._files.make_last(self._key, "commit")
            return AlreadyExists()
        held = self._held("commit")
        paths = []
        for block in blocks:
            found = held.get(block.index)
            if found is None or found[0].size != block.size or block.crc not in {None, found[0].crc}:
                detail = f"block {block.index} is not staged so"
                raise self._files.error(StoreFailure.MISSING, self._key, "commit", detail)
            paths.append(found[1])
        with self._files.translated(self._key, "commit"):
            whole = self._files.write(self._folder, _joined(paths))
        info = self._files.link_if_absent(whole, self._key, "commit")
        if info is None:
            return AlreadyExists()
        self.abandon()
        return Created(etag=info.etag)

    def abandon(self) -> None:
        """See :meth:`StagedWrite.abandon`."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _held(self, operation: str) -> dict[int, tuple[StagedBlock, Path]]:
        self._require_begun(operation)
        held = {}
        with self._files.translated(self._key, operation):
            for path in self._folder.iterdir():
                match = _BLOCK.fullmatch(path.name)
                if match:
                    size = path.stat().st_size
                    block = StagedBlock(int(match[1]), size, Crc64(int(match[2], 16), size))
                    held[block.index] = (block, path)
        return held

    def _require_begun(self, operation: str) -> None:
        with self._files.translated(self._key, operation):
            begun_for = (self._folder / "key").read_bytes()
        if begun_for != self._key.encode():
            raise self._files.error(StoreFailure.MISSING, self._key, operation, "a staged write of another key")


def _joined(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
