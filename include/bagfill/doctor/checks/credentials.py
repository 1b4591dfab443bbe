"""The provider knows the identity, and its signature is right."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good
from bagfill.storage.probe import Outcome

_ADVICE = "Put a key, signature or token that is valid now into the connection."


def look(patient: Patient) -> Iterator[Diagnosis]:
    # S3's answer to HEAD is a bare 403 for a wrong key and for a missing permission; the listing has a code.
    answers = [seen for seen in (patient.entrance, patient.listed) if seen is not None]
    refused = next((seen for seen in answers if seen.outcome is Outcome.UNAUTHENTICATED), None)
    if refused is not None:
        yield Diagnosis(Verdict.MEND, str(refused), _ADVICE)
    elif patient.is_open:
        yield good(patient.entrance)
    elif patient.entrance.outcome is Outcome.NO_ANSWER and patient.entrance.code == "NoCredentialsError":
        yield Diagnosis(Verdict.MEND, "no credentials at all", _ADVICE)


CHECK = Check("identity-refused", EVERYBODY, look, entrance=True)
