"""This machine's clock agrees with the provider's to a minute. Requests more than 15 minutes off are refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good
from bagfill.storage.probe import Outcome

_NOTED = timedelta(minutes=1)
_REFUSED = timedelta(minutes=5)
"""S3 and Azure refuse at 15; a clock that is 5 minutes off is on its way there."""


def look(patient: Patient) -> Iterator[Diagnosis]:
    theirs = patient.entrance.date
    if theirs is None:
        if patient.entrance.outcome is Outcome.CLOCK:
            yield Diagnosis(Verdict.MEND, str(patient.entrance), _ADVICE)
        return
    # The header has whole seconds, and the answer took its time: a second or two say nothing.
    off = patient.now() - theirs
    seconds = round(off.total_seconds())
    seen = f"this machine is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the provider"
    if abs(off) >= _REFUSED or patient.entrance.outcome is Outcome.CLOCK:
        yield Diagnosis(Verdict.MEND, seen, _ADVICE)
    elif abs(off) >= _NOTED:
        yield Diagnosis(Verdict.ADVICE, seen, _ADVICE)
    else:
        yield good(seen)


_ADVICE = "Set the clock of this machine by NTP; requests that are signed at another time are refused."
CHECK = Check("clock-skew", EVERYBODY, look, entrance=True)
