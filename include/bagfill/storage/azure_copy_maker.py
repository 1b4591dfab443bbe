"""Has Azure copy an archived blob to a readable tier in another container of the same account.

Source: Azure Storage REST API, Copy Blob.
"""

from __future__ import annotations

from urllib.parse import quote

from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreFailure
from bagfill.storage.store import ThawTier


class CopyMaker:
    """Has copies of archived blobs made, within one account.

    Args:
        access: may read the container of the blobs, and create in that of the copies.
        originals, copies: names of the containers.
        container: requests to the copies' container.
        into: tier of the copies: Hot, Cool or Cold.
    """

    def __init__(self, access: AzureAccess, originals: str, copies: str, container: AzureLean, into: str) -> None:
        self._from = f"{access.account_url.rstrip('/')}/{originals}"
        self._sas = f"?{access.sas_token}" if access.sas_token else ""
        self._container = container
        self.container = copies
        self._into = into

    def make(self, key: str, etag: str, name: str, tier: ThawTier) -> bool:
        """Ask for a copy; ``False`` if there is one under this name. Raises StoreError.

        Args:
            key, etag: of the blob; another one under its name is refused (CHANGED).
            name: of the copy.
            tier: how fast; Bulk is asked as Standard.
        """
        headers = {
            "x-ms-copy-source": f"{self._from}/{quote(key, safe='/~')}{self._sas}",
            "x-ms-source-if-match": f'"{etag}"',
            "x-ms-access-tier": self._into,
            "x-ms-rehydrate-priority": "High" if tier is ThawTier.EXPEDITED else "Standard",
            "If-None-Match": "*",
        }
        answer = self._container.send("PUT", name, operation="request thaw", headers=headers)
        if answer.status in {200, 201, 202}:
            return True
        code = answer.headers.get("x-ms-error-code", "")
        if code in {"BlobAlreadyExists", "PendingCopyOperation"} or (answer.status == 409 and not code):
            return False
        if answer.status == 412:
            return self._precondition(key, code)
        raise self._container.refusal(answer, key, "request thaw")

    def _precondition(self, key: str, code: str) -> bool:
        """Of the two conditions, which was not met: the blob is another by now, or the copy is there."""
        if code == "SourceConditionNotMet":
            detail = "the blob is another one than was looked at"
            raise self._container.error(StoreFailure.CHANGED, key, "request thaw", detail)
        return False

    def close(self) -> None:
        """Close the connections."""
        self._container.close()
