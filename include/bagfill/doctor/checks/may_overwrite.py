"""Must not be able to write over an object, where the provider's policies can forbid that."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import WRITERS, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.storage.probe import Outcome

_FORBID = "Permit writes with `If-None-Match` alone (docs/security.md has the policy)."
_PROTECT = "No policy of this provider can permit staging and forbid this: keep versions or set an immutability policy."


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes:
        return
    key, made = patient.probe_object()
    if made.outcome is not Outcome.DONE:
        return
    seen = patient.probe.overwrite(key)
    if seen.outcome in {Outcome.REFUSED, Outcome.IMMUTABLE}:
        yield good(seen)
    elif seen.permitted and patient.probe.can_forbid_overwrites:
        yield Diagnosis(Verdict.MEND, f"{seen}: it was permitted to", _FORBID)
    elif seen.permitted:
        yield Diagnosis(Verdict.ADVICE, f"{seen}: it was permitted to", _PROTECT)
    else:
        yield unclear(seen)


CHECK = Check("may-overwrite", WRITERS, look)
