"""What to say when a permission is missing."""

from __future__ import annotations

from bagfill.doctor.model import Diagnosis, Patient, Verdict
from bagfill.storage.location import Provider
from bagfill.storage.probe import Seen

NO_PREFIX = (
    'Declare `probe_prefix` beside it, for example "bagfill-probe/": this is tried only there, and never in the'
    " folder of a bag."
)


def missing(patient: Patient, seen: Seen, *, on_bucket: bool = False) -> Diagnosis:
    """A call that was refused and must not be.

    Args:
        patient: whose identity.
        seen: the refusal; its call is named as the provider's policies do.
        on_bucket: whether the permission is one on the bucket, not on its objects.
    """
    place = patient.location.bucket
    if patient.location.provider is Provider.AMAZON_S3:
        action = seen.call.partition(" ")[0]
        resource = f"arn:aws:s3:::{place}" + ("" if on_bucket else f"/{patient.location.prefix}*")
        return Diagnosis(Verdict.MEND, str(seen), f"Permit {action} on {resource}.")
    return Diagnosis(Verdict.MEND, str(seen), f"Permit {seen.call} in {place} (docs/security.md says by what).")
