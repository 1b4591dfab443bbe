"""The provider's address has a host that names resolve. A storage account that does not exist has none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    host = urlsplit(patient.probe.endpoint).hostname or ""
    if patient.entrance.outcome is not Outcome.NO_ANSWER:
        yield good(f"{host} answers")
        return
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        advice = "Correct the account or endpoint in the connection, or the name service of this machine."
        yield Diagnosis(Verdict.MEND, f"no address for {host}", advice)
        return
    advice = "Look at network, proxy and certificates between this machine and the provider."
    yield Diagnosis(Verdict.UNKNOWN, f"{host} has an address and gave no answer ({patient.entrance.code})", advice)


CHECK = Check("host-unknown", EVERYBODY, look, entrance=True)
