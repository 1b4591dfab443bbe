"""What can go wrong in a registry beyond what its stores and its database report themselves."""

from __future__ import annotations


class ManifestDamagedError(Exception):
    """What the manifest store gives is not what was written there: nothing may be decided from it.

    Retryable: a bit lost on the way is right the next time. If it stays, the stored copy itself is damaged.

    Args:
        pointer: key of the stored manifest.
        detail: what is wrong with it.
    """

    retryable = True

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(pointer, detail)
        self.pointer = pointer
        self.detail = detail

    def __str__(self) -> str:
        return f"stored manifest {self.pointer!r}: {self.detail}"


class RegistryContendedError(Exception):
    """Other writers changed the same storage manifest again and again while a location was to be added to it.

    Args:
        subject: the bag version.
        attempts: how often it was tried.
    """

    retryable = True

    def __init__(self, subject: str, attempts: int) -> None:
        super().__init__(subject, attempts)
        self.subject = subject
        self.attempts = attempts

    def __str__(self) -> str:
        return f"the storage manifest of {self.subject} was changed by others {self.attempts} times in a row"
