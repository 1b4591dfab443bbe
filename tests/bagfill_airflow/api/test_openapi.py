"""The OpenAPI document is true: schemathesis makes requests of it, good and bad, and holds the answers to it.

Many more requests with ``make test-deep``.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis.generation import GenerationMode

import http_api
from http_api import Api

# Each takes a fiftieth of a second, of each of 15 operations, in each mode.
EXAMPLES = 100 if "BAGFILL_DEEP" in os.environ else 8


@pytest.fixture(scope="module")
def api(tokens: dict[str, str]) -> Api:
    return http_api.make_api(tokens)


@pytest.mark.deep
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_what_the_document_says(api: Api, mode: GenerationMode) -> None:
    document = api.client("operator").get("/bagfill/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.app = api.app
    bearer = {"Authorization": f"Bearer {api.tokens['operator']}"}
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        # The same requests each time: a change is judged by its own doing.
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def hold(case: Any) -> None:
            # A path with a line's end is no path of a mounted application: the server that mounts us answers it.
            assume("\n" not in unquote("".join(map(str, (case.path_parameters or {}).values()))))
            # Headers that no route knows make a request no worse.
            assume(set(case.headers or {}) <= {"Idempotency-Key"})
            case.call_and_validate(headers=bearer, base_url="http://airflow.example.org/bagfill")

        hold()
        tried += 1
    assert tried == 15


def test_the_document_names_every_route(api: Api) -> None:
    document = api.client("viewer").get("/bagfill/openapi.json").json()
    assert set(document["paths"]) == {
        "/ingests",
        "/ingests/{ingest_id}",
        "/bags/{space}/{external_identifier}",
        "/bags/{space}/{external_identifier}/versions",
        "/coverage",
        "/campaigns",
        "/campaigns/{name}",
        "/campaigns/{name}/plan",
        "/campaigns/{name}/caps",
        "/campaigns/{name}/{act}",
        "/campaigns/{name}/judgements/{judgement}",
        "/failures",
        "/failures/release",
    }
    assert document["servers"] == [{"url": "/bagfill"}]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            assert operation["security"], (method, path)
