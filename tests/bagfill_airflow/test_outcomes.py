"""Each outcome of the core has one meaning to Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.requests import RequestError
from bagfill_airflow.outcomes import StepRetry, fail, is_last_try, refused, result_of, settle, skip

PASSING = StepFailed(Reason.SOURCE_UNREADABLE, "s/b/v1: 503.")
LASTING = StepFailed(Reason.OTHER_BYTES_AT_DESTINATION, "s/b/v1: data/a.txt holds other bytes.", ("second", "third"))


@dataclass
class Try:
    try_number: int
    max_tries: int


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_whether_a_failure_is_retried_is_the_reasons_own_word(reason: Reason) -> None:
    wanted = StepRetry if reason.retryable else AirflowFailException
    with pytest.raises(wanted) as raised:
        fail(StepFailed(reason, "what happened"))
    assert type(raised.value) is wanted
    assert reason.code in str(raised.value)
    assert reason.advice in str(raised.value)


def test_retrying_is_not_the_exception_that_airflow_never_retries() -> None:
    assert not issubclass(StepRetry, AirflowFailException)


def test_a_result_is_handed_on_and_a_failure_is_not() -> None:
    assert result_of(3) == 3
    with pytest.raises(AirflowFailException, match="second\n  - third"):
        result_of(LASTING)


def test_a_refused_request_names_every_problem_and_is_not_retried() -> None:
    error = refused(RequestError(("space: missing", "'sapce': unknown field")))
    assert type(error) is AirflowFailException
    assert "space: missing" in str(error)
    assert "sapce" in str(error)


def test_nothing_to_do_is_a_skip() -> None:
    with pytest.raises(AirflowSkipException, match="there already"):
        skip("there already")


def test_the_last_try_is_the_one_after_all_retries() -> None:
    assert not is_last_try(Try(1, 4))
    assert not is_last_try(Try(4, 4))
    assert is_last_try(Try(5, 4))
    assert is_last_try(Try(1, 0))


class TestSeveralVersions:
    def test_all_well(self) -> None:
        settle({}, done=["v1"], last_try=False)

    def test_a_passing_failure_has_the_task_retried(self) -> None:
        with pytest.raises(StepRetry, match="source-unreadable"):
            settle({"v1": PASSING, "v2": LASTING}, done=["v3"], last_try=False)

    def test_on_the_last_try_the_others_go_on(self, caplog: pytest.LogCaptureFixture) -> None:
        settle({"v1": PASSING}, done=["v3"], last_try=True)

    def test_a_lasting_failure_lets_the_others_go_on(self) -> None:
        settle({"v1": LASTING}, done=["v3"], last_try=False)

    def test_nothing_left_to_go_on_with(self) -> None:
        with pytest.raises(AirflowFailException, match="other-bytes"):
            settle({"v1": LASTING}, done=[], last_try=False)
        with pytest.raises(AirflowFailException, match="source-unreadable"):
            settle({"v1": PASSING}, done=[], last_try=True)
