"""What every store of idempotency keys does: subclass, and give the fixture ``keys``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bagfill.ingests.request_keys import RequestKeys


class RequestKeysContract:
    @pytest.fixture
    def keys(self) -> RequestKeys:
        raise NotImplementedError

    def test_a_key_that_was_never_used_stands_for_nothing(self, keys: RequestKeys) -> None:
        assert keys.find("k") is None

    def test_a_key_stands_for_the_first_request_it_came_with(self, keys: RequestKeys) -> None:
        first = keys.claim("k", content="a", request_id="bag__1")
        assert (first.key, first.content, first.request_id) == ("k", "a", "bag__1")
        assert first.created.tzinfo is not None
        assert keys.claim("k", content="b", request_id="bag__2") == first
        assert keys.find("k") == first

    def test_keys_do_not_disturb_each_other(self, keys: RequestKeys) -> None:
        keys.claim("k", content="a", request_id="bag__1")
        assert keys.claim("K", content="a", request_id="bag__2").request_id == "bag__2"

    def test_of_many_that_claim_a_key_at_once_one_wins_and_all_learn_who(self, keys: RequestKeys) -> None:
        start = Barrier(8)

        def claim(number: int) -> str:
            start.wait()
            return keys.claim("k", content="a", request_id=f"bag__{number}").request_id

        with ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(claim, range(8)))
        found = keys.find("k")
        assert found is not None
        assert answers == {found.request_id}
