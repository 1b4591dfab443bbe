"""Judging a bag where it lies: what it takes of memory, whatever the number of its files."""

from __future__ import annotations

import tracemalloc

from bagfill.bag.rules.finding import Profile
from bagfill.steps.validate_bag import validate_bag
from many_files import PREFIX, ManyFiles

FILES = 10_000
MOST = 8 * 1024 * 1024
"""Bytes: paths, sizes, ETags, and digests as found and as promised. Objects of Python for each file took 12.5 MiB."""


def test_a_bag_of_many_files_is_judged_without_being_held() -> None:
    store = ManyFiles(FILES)
    tracemalloc.start()
    verdict = validate_bag(store, PREFIX, Profile.STORAGE_SERVICE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.findings == ()
    assert verdict.files == FILES + 4
    assert most < MOST
