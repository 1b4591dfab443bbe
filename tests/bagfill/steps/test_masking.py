"""Secrets that slipped into a provider's words are masked; what a person needs is not."""

from __future__ import annotations

import pytest

from bagfill.steps.masking import MASK, masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "GET https://a.blob.core.windows.net/c/k?sv=1&sig=S: 403",
            f"GET https://a.blob.core.windows.net/c/k?{MASK} 403",
        ),
        ("s3://bucket/key?x", f"s3://bucket/key?{MASK}"),
        ("postgresql://user:S@db:5432/b refused", f"postgresql://{MASK}@db:5432/b refused"),
        ("AccountName=a;AccountKey=S==;EndpointSuffix=e", f"AccountName=a;AccountKey={MASK};EndpointSuffix=e"),
        ("Signature=S, next", f"Signature={MASK}, next"),
        ("password: S was refused", f"password: {MASK} was refused"),
        ("Authorization: AWS4 Credential=S, Signature=S", f"Authorization: {MASK}"),
    ],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "digitised/b1/v1: data/what? (1).txt at azure: expected sha256:ab, saw sha256:cd.",
        "read of 'a/b?c=d' at primary: unavailable: 503 SlowDown",
        "data/a&b=c.txt: expected 5 bytes, missing in the listing of azure",
        "https://example.org/plain/path",
        "a@b.example wrote data/signatures.xml",
    ],
)
def test_names_of_files_and_digests_stay(text: str) -> None:
    assert masked(text) == text
