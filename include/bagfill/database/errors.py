"""What can go wrong with the database, told apart where it happens."""

from __future__ import annotations


class DatabaseUrlError(ValueError):
    """A database URL that cannot be used. The message never repeats the URL: it may hold a password."""

    retryable = False


class DatabaseError(Exception):
    """The database did not answer or refused; what was asked for did not happen, unless the commit itself was cut off.

    After a commit that was cut off nobody knows; every call of the registry and of the tracker can be repeated then.

    Args:
        detail: what the database said. Statements and their parameters are left out.
        retryable: whether the same call may succeed later by itself.
    """

    def __init__(self, detail: str, *, retryable: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the keyword arguments (exceptions cross process borders)."""
        return (_restore, (self.detail, self.retryable))


def _restore(detail: str, retryable: bool) -> DatabaseError:
    return DatabaseError(detail, retryable=retryable)
