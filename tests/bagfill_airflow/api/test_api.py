"""Routes, permissions, errors and documents of ``/bagfill``."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from httpx import Response

from bagfill.database.errors import DatabaseError
from bagfill.steps.backfill import backfill
from bagfill.steps.requests import BackfillRequest
from bagfill_airflow.api.bodies import LARGEST_BODY
from http_api import BAG, Api

INGESTS = "/bagfill/ingests"
UNKNOWN = "7ab969ea-b338-4bec-9864-2ae0e45ca537"
READING = [INGESTS, f"{INGESTS}/{UNKNOWN}", "/bagfill/bags/a/b", "/bagfill/bags/a/b/versions", "/bagfill/coverage"]


def document(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "Ingest",
        "ingestType": {"id": "replicate", "type": "IngestType"},
        "space": {"id": str(BAG.space), "type": "Space"},
        "bag": {"info": {"externalIdentifier": str(BAG.external_identifier), "type": "BagInfo"}, "type": "Bag"},
        "destination": "azure",
    }
    return {**made, **changes}


def one_version(version: str) -> dict[str, Any]:
    return {"info": {"externalIdentifier": str(BAG.external_identifier), "version": version}}


def check_error(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["errorType"] == "http"
    assert body["httpStatus"] == status
    assert body["type"] == "Error"
    assert body["label"]
    assert ("description" in body) == (status < 500)
    return body


class TestPermissions:
    @pytest.mark.parametrize("path", [*READING, "/bagfill/openapi.json"])
    def test_nothing_is_read_without_authentication(self, api: Api, path: str) -> None:
        check_error(api.client().get(path), 401)
        check_error(api.client().get(path, headers={"Authorization": "Bearer x"}), 403)

    @pytest.mark.parametrize("path", READING)
    def test_whoever_may_look_at_the_dag_reads(self, api: Api, path: str) -> None:
        for role in ("viewer", "operator"):
            assert api.client(role).get(path).status_code in {200, 404}
            assert api.client(role, by_cookie=True).get(path).status_code in {200, 404}

    @pytest.mark.parametrize("path", READING)
    def test_whoever_may_not_does_not(self, api: Api, path: str) -> None:
        check_error(api.client("stranger").get(path), 403)

    def test_only_whoever_may_trigger_the_dag_asks_for_ingests(self, api: Api) -> None:
        check_error(api.client().post(INGESTS, json=document()), 401)
        for role in ("viewer", "stranger"):
            check_error(api.client(role).post(INGESTS, json=document()), 403)
        assert not api.runs.started
        assert api.client("operator").post(INGESTS, json=document()).status_code == 201

    def test_permission_is_judged_before_the_body(self, api: Api) -> None:
        check_error(api.client("viewer").post(INGESTS, content=b"x" * (LARGEST_BODY + 1)), 403)


class TestOtherSites:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://airflow.example.org"},
        ],
    )
    def test_a_cookie_alone_starts_nothing(self, api: Api, headers: dict[str, str]) -> None:
        client = api.client("operator", by_cookie=True)
        check_error(client.post(INGESTS, json=document(), headers=headers), 403)
        assert not api.runs.started

    @pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://airflow.example.org"}])
    def test_a_page_of_ours_starts_runs(self, api: Api, headers: dict[str, str]) -> None:
        client = api.client("operator", by_cookie=True)
        assert client.post(INGESTS, json=document(), headers=headers).status_code == 201


class TestAskingForAnIngest:
    def test_it_is_answered_with_the_ingest_and_its_address(self, api: Api) -> None:
        client = api.client("operator")
        answer = client.post(INGESTS, json=document(bag=one_version("v2")))
        assert answer.status_code == 201
        body = answer.json()
        assert list(body)[:2] == ["id", "type"]
        assert body["ingestType"] == {"id": "replicate", "type": "IngestType"}
        assert body["status"]["id"] == "processing"
        assert body["bag"]["info"]["version"] == "v2"
        assert body["destination"]["bucket"] == "container"
        assert "request" not in body
        assert answer.headers["Location"] == f"http://airflow.example.org/bagfill/ingests/{body['id']}"
        followed = client.get(answer.headers["Location"])
        assert followed.json() == body

    def test_several_versions_are_all_named(self, api: Api) -> None:
        client = api.client("operator")
        body = client.post(INGESTS, json=document()).json()
        assert [each["version"] for each in body["request"]] == ["v1", "v2"]
        assert body["request"][0]["id"] == body["id"]
        for each in body["request"]:
            assert client.get(each["href"]).json()["bag"]["info"]["version"] == each["version"]

    def test_what_is_there_is_a_conflict_with_a_link_to_the_replica(self, api: Api) -> None:
        request = BackfillRequest.parse(api.services, "bag__x", {**_names(), "destination": "azure"})
        assert backfill(api.services, request).succeeded
        answer = api.client("operator").post(INGESTS, json=document())
        related = check_error(answer, 409)["related"]
        assert answer.headers["Link"] == f'<{related["href"]}>; rel="related"'
        replica = api.client("viewer").get(related["href"]).json()
        assert replica["version"] == "v2"
        assert [location["bucket"] for location in replica["replicaLocations"]] == ["container"]

    def test_what_runs_is_a_conflict_with_a_link_to_the_ingest(self, api: Api) -> None:
        client = api.client("operator")
        first = client.post(INGESTS, json=document()).json()
        related = check_error(client.post(INGESTS, json=document()), 409)["related"]
        assert related["id"] == first["id"]
        assert client.get(related["href"]).status_code == 200

    def test_the_same_key_finds_the_same_ingest(self, api: Api) -> None:
        client = api.client("operator")
        headers = {"Idempotency-Key": "order-66"}
        first, again = (client.post(INGESTS, json=document(), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.headers["Location"] == again.headers["Location"]
        assert len(api.runs.started) == 1
        other = client.post(INGESTS, json=document(bag=one_version("v1")), headers=headers)
        check_error(other, 422)

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
    def test_a_key_that_is_none_is_refused(self, api: Api, key: str) -> None:
        answer = api.client("operator").post(INGESTS, json=document(), headers={"Idempotency-Key": key})
        assert "Idempotency-Key" in check_error(answer, 400)["description"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"ingestType": {"id": "create"}}, '.ingestType.id: got "create", valid values are: replicate.'),
            ({"space": {}}, ".space.id: Missing required field"),
            ({"space": {"id": 3}}, ".space.id: "),
            ({"destinaton": "azure"}, ".destinaton: Unknown field"),
            ({"bag": {"info": {"externalIdentifier": "PP//1"}}}, "was PP//1"),
        ],
    )
    def test_a_wrong_document_is_refused_in_the_services_words(
        self, api: Api, changes: dict[str, Any], said: str
    ) -> None:
        body = check_error(api.client("operator").post(INGESTS, json=document(**changes)), 400)
        assert said in body["description"]
        assert not api.runs.started

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"NaN", b"[" * 30_000, b"[]", b"3"])
    def test_what_is_no_json_object_is_refused(self, api: Api, content: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        check_error(api.client("operator").post(INGESTS, content=content, headers=headers), 400)

    def test_another_media_type_is_refused(self, api: Api) -> None:
        for headers in ({"Content-Type": "text/plain"}, {}):
            answer = api.client("operator").post(INGESTS, content=json.dumps(document()), headers=headers)
            check_error(answer, 415)

    def test_a_large_body_is_refused(self, api: Api) -> None:
        check_error(api.client("operator").post(INGESTS, json=document(space={"id": "x" * LARGEST_BODY})), 413)

    def test_an_unknown_bag_is_not_found(self, api: Api) -> None:
        answer = api.client("operator").post(INGESTS, json=document(bag={"info": {"externalIdentifier": "b9"}}))
        check_error(answer, 404)

    def test_a_workflow_system_that_is_down_opens_nothing(self, api: Api) -> None:
        api.runs.broken = True
        answer = api.client("operator").post(INGESTS, json=document())
        check_error(answer, 503)
        assert answer.headers["Retry-After"]
        assert not api.services.ingests.recent()


class TestIngests:
    def test_pages_lead_to_each_other(self, api: Api) -> None:
        client = api.client("operator")
        client.post(INGESTS, json=document())
        seen, address = [], f"{INGESTS}?limit=1&destination=azure"
        while address is not None:
            page = client.get(address).json()
            assert page["type"] == "ResultList"
            seen += [ingest["bag"]["info"]["version"] for ingest in page["results"]]
            address = page.get("next")
        assert sorted(seen) == ["v1", "v2"]

    def test_they_are_filtered(self, api: Api) -> None:
        client = api.client("operator")
        client.post(INGESTS, json=document())
        for query, count in (("status=processing", 2), ("status=failed", 0), ("space=digitised", 2), ("space=x", 0)):
            assert len(client.get(f"{INGESTS}?{query}").json()["results"]) == count

    @pytest.mark.parametrize("query", ["status=lost", "limit=0", "limit=501", "before=1"])
    def test_bad_parameters_are_named(self, api: Api, query: str) -> None:
        body = check_error(api.client("viewer").get(f"{INGESTS}?{query}"), 400)
        assert query.partition("=")[0] in body["description"]

    def test_a_page_behind_an_unknown_one_is_not_found(self, api: Api) -> None:
        check_error(api.client("viewer").get(f"{INGESTS}?before={UNKNOWN}"), 404)

    @pytest.mark.parametrize("name", [UNKNOWN, "x"])
    def test_an_unknown_one_is_not_found(self, api: Api, name: str) -> None:
        body = check_error(api.client("viewer").get(f"{INGESTS}/{name}"), 404)
        assert body["description"] == f"Ingest {name} not found"


class TestBags:
    @pytest.mark.parametrize("path", ["digitised/PP/MIA%201", "digitised/PP%2FMIA%201", "digitised/PP/MIA 1"])
    def test_a_manifest_is_shown_as_the_service_shows_it(self, api: Api, path: str) -> None:
        answer = api.client("viewer").get(f"/bagfill/bags/{path}")
        assert answer.status_code == 200
        assert answer.headers["ETag"] == '"digitised/PP/MIA 1/v2"'
        body = answer.json()
        assert list(body) == [
            "id",
            "space",
            "info",
            "manifest",
            "tagManifest",
            "location",
            "replicaLocations",
            "createdDate",
            "version",
            "type",
        ]
        assert body["info"]["externalIdentifier"] == "PP/MIA 1"
        assert body["info"]["payloadOxum"] == "4.2"
        assert [file["name"] for file in body["manifest"]["files"]] == ["data/2.txt", "data/a.txt"]
        assert body["manifest"]["checksumAlgorithm"] == "SHA-256"
        assert "ingestId" not in body

    def test_a_version_is_shown(self, api: Api) -> None:
        body = api.client("viewer").get("/bagfill/bags/digitised/PP/MIA 1?version=v1").json()
        assert body["version"] == "v1"

    @pytest.mark.parametrize("query", ["?version=v3", "?version=3", "?version=v0"])
    def test_an_unknown_version_is_not_found(self, api: Api, query: str) -> None:
        body = check_error(api.client("viewer").get(f"/bagfill/bags/digitised/PP/MIA 1{query}"), 404)
        version = query.partition("=")[2]
        assert body["description"] == f"Storage manifest digitised/PP/MIA 1 {version} not found"

    @pytest.mark.parametrize("path", ["digitised/PP/MIA%201/versions", "digitised/PP%2FMIA%201/versions"])
    def test_versions_are_listed_newest_first(self, api: Api, path: str) -> None:
        body = api.client("viewer").get(f"/bagfill/bags/{path}").json()
        assert [(each["id"], each["version"]) for each in body["results"]] == [
            ("digitised/PP/MIA 1", "v2"),
            ("digitised/PP/MIA 1", "v1"),
        ]
        below = api.client("viewer").get(f"/bagfill/bags/{path}?before=v2").json()
        assert [each["version"] for each in below["results"]] == ["v1"]

    def test_no_versions_are_not_found(self, api: Api) -> None:
        client = api.client("viewer")
        body = check_error(client.get("/bagfill/bags/a/b/versions"), 404)
        assert body["description"] == "No storage manifest versions found for a/b"
        body = check_error(client.get("/bagfill/bags/digitised/PP/MIA 1/versions?before=v1"), 404)
        assert body["description"] == "No storage manifest versions found for digitised/PP/MIA 1 before v1"
        body = check_error(client.get("/bagfill/bags/digitised/PP/MIA 1/versions?before=X"), 400)
        assert body["description"] == "Cannot parse version string: X"


class TestCoverage:
    def test_as_json_and_as_csv(self, api: Api) -> None:
        client = api.client("viewer")
        body = client.get("/bagfill/coverage").json()
        assert body["missing_bag_versions"] == 2
        answers = [
            client.get("/bagfill/coverage?format=csv"),
            client.get("/bagfill/coverage", headers={"Accept": "text/csv"}),
        ]
        for answer in answers:
            assert answer.headers["Content-Type"].startswith("text/csv")
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            assert [row["location"] for row in rows] == [line["location"] for line in body["coverage"]]

    def test_of_one_space(self, api: Api) -> None:
        assert api.client("viewer").get("/bagfill/coverage?space=nobody").json()["coverage"] == []


class _Unanswering:
    def __getattr__(self, name: str) -> Any:
        raise DatabaseError("connection to server at 10.0.0.1 failed for user s3cret", retryable=True)


def test_a_registry_that_does_not_answer_is_unavailable_and_tells_nothing(api: Api) -> None:
    api.services = replace(api.services, registry=_Unanswering(), ingests=_Unanswering())
    for path in (INGESTS, "/bagfill/bags/a/b", "/bagfill/coverage"):
        answer = api.client("viewer").get(path)
        check_error(answer, 503)
        assert "s3cret" not in answer.text


def test_a_surprise_is_an_error_in_the_services_form(api: Api) -> None:
    api.services = replace(api.services, ingests=None)  # type: ignore[arg-type]
    check_error(api.client("viewer").get(INGESTS), 500)


@pytest.mark.parametrize(("method", "path"), [("DELETE", INGESTS), ("PUT", "/bagfill/coverage"), ("GET", "/bagfill/x")])
def test_what_is_no_route_is_an_error_in_the_services_form(api: Api, method: str, path: str) -> None:
    check_error(api.client("operator").request(method, path), 404 if path.endswith("x") else 405)


def _names() -> dict[str, str]:
    return {"space": str(BAG.space), "external_identifier": str(BAG.external_identifier)}
