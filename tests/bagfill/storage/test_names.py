"""The name rules of each provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.names import AZURE_NAMES, LOCAL_NAMES, MEMORY_NAMES, S3_NAMES, STAGING_FOLDER, NameRule, NameRules

BROKEN = [
    (AZURE_NAMES, "", NameRule.EMPTY),
    (AZURE_NAMES, "a\ud800", NameRule.NOT_UNICODE),
    (AZURE_NAMES, "x" * 1025, NameRule.TOO_MANY_CHARACTERS),
    (AZURE_NAMES, "😀" * 513, NameRule.TOO_MANY_CHARACTERS),
    (AZURE_NAMES, "/".join("a" * 255), NameRule.TOO_MANY_SEGMENTS),
    (AZURE_NAMES, "a/", NameRule.TRAILING_SLASH),
    (AZURE_NAMES, "a//b", NameRule.EMPTY_SEGMENT),
    (AZURE_NAMES, "/a", NameRule.EMPTY_SEGMENT),
    (AZURE_NAMES, "a/./b", NameRule.DOT_SEGMENT),
    (AZURE_NAMES, "a/../b", NameRule.DOT_SEGMENT),
    (AZURE_NAMES, "SATSY/1821/4.", NameRule.SEGMENT_ENDS_WITH_DOT),
    (AZURE_NAMES, "a./b", NameRule.SEGMENT_ENDS_WITH_DOT),
    (AZURE_NAMES, "a/...", NameRule.SEGMENT_ENDS_WITH_DOT),
    (AZURE_NAMES, "a\\b", NameRule.FORBIDDEN_CHARACTER),
    (AZURE_NAMES, "a\x01b", NameRule.FORBIDDEN_CHARACTER),
    (AZURE_NAMES, "a\x7fb", NameRule.FORBIDDEN_CHARACTER),
    (AZURE_NAMES, "a\x85b", NameRule.FORBIDDEN_CHARACTER),
    (AZURE_NAMES, "a\uffffb", NameRule.FORBIDDEN_CHARACTER),
    (S3_NAMES, "", NameRule.EMPTY),
    (S3_NAMES, "é" * 513, NameRule.TOO_MANY_BYTES),
    (S3_NAMES, "../a", NameRule.ABOVE_ROOT),
    (S3_NAMES, "a/../../b/c", NameRule.ABOVE_ROOT),
    (LOCAL_NAMES, "x" * 256, NameRule.SEGMENT_TOO_LONG),
    (LOCAL_NAMES, "a/", NameRule.TRAILING_SLASH),
    (LOCAL_NAMES, "a//b", NameRule.EMPTY_SEGMENT),
    (LOCAL_NAMES, "a/../b", NameRule.DOT_SEGMENT),
    (LOCAL_NAMES, "a\x00b", NameRule.FORBIDDEN_CHARACTER),
    (LOCAL_NAMES, f"{STAGING_FOLDER}/a", NameRule.RESERVED),
    (MEMORY_NAMES, "x" * 1025, NameRule.TOO_MANY_BYTES),
]

HELD = [
    (AZURE_NAMES, "x" * 1024),
    (AZURE_NAMES, "😀" * 512),
    (AZURE_NAMES, "/".join("a" * 254)),
    (AZURE_NAMES, "b/.hidden/..a/x y+z%2F#?&é.tif"),
    (S3_NAMES, "x" * 1024),
    (S3_NAMES, "é" * 512),
    (S3_NAMES, "a/../b//c./"),
    (S3_NAMES, "a\\b\x01"),
    (LOCAL_NAMES, "x" * 255),
    (LOCAL_NAMES, f"a/{STAGING_FOLDER}/b."),
    (MEMORY_NAMES, "a//b/"),
]


@pytest.mark.parametrize(("rules", "key", "rule"), BROKEN)
def test_a_name_the_provider_would_change_or_refuse_is_a_problem(rules: NameRules, key: str, rule: NameRule) -> None:
    problem = rules.check(key)
    assert problem is not None
    assert problem.rule is rule
    for part in (rule.value, rules.provider, problem.found, problem.remedy):
        assert part in problem.message
    problem.message.encode()


@pytest.mark.parametrize(("rules", "key"), HELD)
def test_a_name_the_provider_keeps_is_no_problem(rules: NameRules, key: str) -> None:
    assert rules.check(key) is None


def test_every_rule_has_a_name_that_breaks_it() -> None:
    assert {rule for _rules, _key, rule in BROKEN} == set(NameRule)


@given(
    st.sampled_from([AZURE_NAMES, LOCAL_NAMES, MEMORY_NAMES, S3_NAMES]),
    st.lists(
        st.sampled_from(["a", "Z9_-", ".", "..", "/", "x" * 200, "/a" * 100, "é", STAGING_FOLDER]), min_size=1
    ).map("".join),
)
def test_the_short_way_for_plain_names_says_what_the_long_way_says(rules: NameRules, key: str) -> None:
    assert rules.check(key) == next(rules._problems(key), None)
