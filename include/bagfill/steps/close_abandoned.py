"""Close ingests whose run was lost: nobody holds their claim any more, and nobody will ever close them."""

from __future__ import annotations

from bagfill.ingests.callback import post_ingest
from bagfill.ingests.model import Ingest
from bagfill.registry.registry import Claim
from bagfill.steps.close_ingest import Post, close_ingest
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import is_running


def close_abandoned(services: Services, *, post: Post = post_ingest) -> int:
    """Close every ingest that is open and that nobody has worked on for a lease.

    Its claim is taken first: a run that was only slow, and comes back, is refused from then on.

    Args:
        post: how a callback is sent.

    Returns:
        How many were closed.
    """
    # Read whole before the first is closed: the list is of what is in work, and closing changes it.
    abandoned = [ingest for ingest in services.ingests.unfinished() if not is_running(services, ingest)]
    return sum(_close(services, ingest, post) for ingest in abandoned)


def _close(services: Services, ingest: Ingest, post: Post) -> bool:
    holder = f"closing:{ingest.id}"
    before = services.registry.claim_of(ingest.bag_version, ingest.destination)
    taken = services.registry.acquire(
        ingest.bag_version, ingest.destination, holder=holder, lease=services.limits.lease
    )
    if not isinstance(taken, Claim) and taken.holder == str(ingest.id):
        # It gave a sign of life at this moment.
        return False
    try:
        close_ingest(services, ingest, post=post)
    finally:
        if isinstance(taken, Claim) and (before is None or before.holder != holder):
            services.registry.release(taken)
    return True
