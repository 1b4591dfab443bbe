"""Bag versions from the service's public API, where its tables cannot be read.

``GET /bags/{space}/{external identifier}[?version=vN]`` and ``…/versions``. A large manifest is handed out by a signed
address (307), which is asked without our token: the signature is its own, and the token is none of its business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, InvalidIdentifier
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.text import MadeText
from bagfill.registry.storage_service.api_errors import BagsApiError
from bagfill.registry.storage_service.api_http import ApiHttp, beginning, is_for_later
from bagfill.registry.storage_service.tokens import Tokens

if TYPE_CHECKING:
    import httpx

_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 1024 * 1024
_ADDRESSES = 3
"""How often a signed address is asked for: one that ended while we waited is replaced."""


class BagsApi:
    """Asks the bags API. Safe to share between threads.

    Args:
        http: sends requests.
        url: what stands before ``/bags/…``.
        tokens: prove who we are.
    """

    def __init__(self, http: ApiHttp, url: str, tokens: Tokens) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._tokens = tokens

    def versions(self, bag: BagId) -> Sequence[BagVersion]:
        """The versions of a bag, ascending; empty if the service says that it knows none.

        Raises:
            BagsApiError: it did not say.
        """
        about = str(bag)
        with self._asked(f"{self._address(bag)}/versions", about) as answer:
            if _is_not_found(answer, about):
                return ()
            _require_ok(answer, about)
            text = answer.read()
        try:
            found = {BagVersion.parse(each["version"]) for each in json.loads(text)["results"]}
        except (ValueError, TypeError, KeyError, InvalidIdentifier) as error:
            detail = f"its list of versions is not understood ({type(error).__name__})"
            raise BagsApiError(about, detail, retryable=False) from None
        return tuple(sorted(found))

    @contextmanager
    def manifest(self, bag_version: BagVersionId) -> Iterator[StorageManifest | None]:
        """The manifest as the API shows it, or ``None`` if the service says that there is none.

        It is read once, into a file without a name where it is large, and can be used within the block.

        Raises:
            BagsApiError: the service did not say, or showed another bag version.
            ManifestFormatError: what it shows is in no shape that is known.
        """
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            if not self._fetch(bag_version, file):
                yield None
                return
            manifest = parse_storage_manifest(MadeText(lambda: _pieces(file)))
            if manifest.id != bag_version:
                detail = f"the service shows {manifest.id} in its place"
                raise BagsApiError(str(bag_version), detail, retryable=False)
            yield manifest

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _fetch(self, bag_version: BagVersionId, file: IO[bytes]) -> bool:
        """Read the whole body into the file; whether there is such a manifest."""
        about = str(bag_version)
        url = f"{self._address(bag_version.bag)}?version={bag_version.version}"
        for attempt in range(1, _ADDRESSES + 1):
            with self._asked(url, about) as answer:
                if _is_not_found(answer, about):
                    return False
                if answer.status_code != HTTPStatus.TEMPORARY_REDIRECT:
                    _require_ok(answer, about)
                    _copy(answer, file)
                    return True
                signed = self._signed(answer, about)
            with self._http.get(signed, {}, about=about) as body:
                if body.status_code == HTTPStatus.OK:
                    _copy(body, file)
                    return True
                if body.status_code != HTTPStatus.FORBIDDEN or attempt == _ADDRESSES:
                    detail = f"its large manifest answered {body.status_code} at the signed address"
                    raise BagsApiError(about, detail, retryable=True)
        raise AssertionError("unreachable")  # pragma: no cover - the last address returns or raises

    def _signed(self, answer: httpx.Response, about: str) -> str:
        try:
            signed = urljoin(str(answer.url), str(answer.headers["Location"]))
            given, ours = urlsplit(signed).scheme, urlsplit(self._url).scheme
        except (KeyError, ValueError):
            # Without its text: it may be signed.
            detail = "its large manifest is at no address that can be asked"
            raise BagsApiError(about, detail, retryable=False) from None
        if given != "https" and (given != "http" or ours != "http"):
            detail = "its large manifest is at an address without TLS, which is not asked"
            raise BagsApiError(about, detail, retryable=False)
        return signed

    @contextmanager
    def _asked(self, url: str, about: str) -> Iterator[httpx.Response]:
        """The answer to our token; a token that is refused is replaced once."""
        token = self._tokens.token()
        with self._http.get(url, _bearer(token), about=about) as answer:
            if answer.status_code != HTTPStatus.UNAUTHORIZED:
                yield answer
                return
        self._tokens.refused(token)
        with self._http.get(url, _bearer(self._tokens.token()), about=about) as answer:
            yield answer

    def _address(self, bag: BagId) -> str:
        # Encoded slashes: a legacy identifier ends in one, and no client may take dots between them for folders.
        return f"{self._url}/bags/{quote(str(bag.space), safe='')}/{quote(str(bag.external_identifier), safe='')}"


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _is_not_found(answer: httpx.Response, about: str) -> bool:
    """Whether the service itself says that there is none: a gateway's 404 says that the address is wrong."""
    if answer.status_code != HTTPStatus.NOT_FOUND:
        return False
    body = _json(beginning(answer))
    if body.get("errorType") == "http" and body.get("httpStatus") == HTTPStatus.NOT_FOUND:
        return True
    detail = "answered 404, and not in the service's words: is the address of the API right?"
    raise BagsApiError(about, detail, retryable=False)


def _require_ok(answer: httpx.Response, about: str) -> None:
    if answer.status_code == HTTPStatus.OK:
        return
    said = _json(beginning(answer)).get("description")
    detail = f"answered {answer.status_code}" + (f": {said[:200]}" if isinstance(said, str) else "")
    raise BagsApiError(about, detail, retryable=is_for_later(answer.status_code))


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _copy(answer: httpx.Response, file: IO[bytes]) -> None:
    for chunk in answer.iter_bytes(_PIECE):
        file.write(chunk)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    position = 0
    while True:
        file.seek(position)
        piece = file.read(_PIECE)
        if not piece:
            return
        position += len(piece)
        yield piece
