"""The last net under secrets: what a provider's words may carry is masked before a failure leaves a step.

Stores keep URLs, headers and credentials out of their errors by contract. A library's text that slips through is caught
here, since events, notes, logs and results are read by many and kept for ever.
"""

from __future__ import annotations

import re

MASK = "***"

_RULES = (
    # User and password of a URL, then its query: any of them may sign it.
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://)[^/\s?#@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://[^\s?'\"]*)\?[^\s'\"]+"), rf"\1?{MASK}"),
    # A header of several words, to its end.
    (re.compile(r"(?i)\b(authorization\s*[=:]\s*)[^\r\n'\"]+"), rf"\1{MASK}"),
    # Signatures of Azure and AWS, and the passwords of connection strings, as `name=value` or `name: value`.
    (
        re.compile(
            r"(?i)\b(sig|signature|credential|x-amz-(?:signature|credential|security-token)|AccountKey|"
            r"SharedAccess(?:Signature|Key)|aws_secret_access_key|SecretAccessKey|password)(\s*[=:]\s*)[^\s&;,'\"]+"
        ),
        rf"\1\2{MASK}",
    ),
)


def masked(text: str) -> str:
    """The text with whatever looks like a credential or a signed URL's query replaced by ``***``."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
