"""A small client of Airflow's REST API (``/api/v2``), for the demo and for tests."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import httpx


class ApiRefused(RuntimeError):
    """Airflow answered with an error status.

    Attributes:
        status: HTTP status.
        detail: the answer's ``detail``: text, or an object for validation and uniqueness errors.
    """

    def __init__(self, method: str, path: str, status: int, detail: object) -> None:
        self.status, self.detail = status, detail
        super().__init__(f"{method} {path}: {status}: {detail}")


class RunDidNotEnd(RuntimeError):
    def __init__(self, dag_id: str, run_id: str, state: str, within: float) -> None:
        super().__init__(f"run {run_id} of {dag_id} is still {state} after {within:.0f} s")


class AirflowApi:
    """Requests as one user; logs in when first needed and again when the token has expired.

    Args:
        address: ``http://host:port`` of the API server.
    """

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address
        self._login = {"username": user, "password": password}
        self._token: str | None = None
        # No proxies or credentials of the environment: this talks to loopback.
        self._client = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def token(self) -> str:
        """A bearer token of this user."""
        if self._token is None:
            answer = self._client.post("/auth/token", json=self._login)
            if answer.status_code != httpx.codes.CREATED:
                raise ApiRefused("POST", "/auth/token", answer.status_code, _detail(answer))
            self._token = answer.json()["access_token"]
        return self._token

    def request(self, method: str, path: str, **more: Any) -> Any:
        """One request to any path of the API server; the decoded JSON, or ``None`` for an empty answer.

        Raises:
            ApiRefused: any status of 400 or more.
        """
        answer = self._send(method, path, more)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = None
            answer = self._send(method, path, more)
        if answer.is_error:
            raise ApiRefused(method, path, answer.status_code, _detail(answer))
        return answer.json() if answer.content else None

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        """Starts a run without a logical date; returns its run id.

        Raises:
            ApiRefused: 400 for params that do not fit, 404 for an unknown DAG, 409 when the run id exists.
        """
        body: dict[str, Any] = {"logical_date": None, "conf": conf or {}}
        if run_id is not None:
            body["dag_run_id"] = run_id
        return str(self.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait_for_run(self, dag_id: str, run_id: str, *, within: float = 300) -> str:
        """Waits for the end of a run; ``success`` or ``failed``.

        Raises:
            RunDidNotEnd: after ``within`` seconds.
        """
        deadline = time.monotonic() + within
        while (state := self.run_state(dag_id, run_id)) not in {"success", "failed"}:
            if time.monotonic() > deadline:
                raise RunDidNotEnd(dag_id, run_id, state, within)
            time.sleep(0.5)
        return state

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return self._pages(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs")

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance with ``task_id``, ``map_index``, ``state``, ``try_number`` and more; all map indexes."""
        return self._pages(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.request("GET", path, params={"map_index": map_index, "deserialize": False})["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, *, attempt: int = 1, map_index: int = -1) -> str:
        """The log of one attempt (from 1), a line for each event."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        params = {"map_index": map_index, "full_content": True}
        content = self.request("GET", path, params=params, headers={"Accept": "application/json"})["content"]
        return "\n".join(line if isinstance(line, str) else str(line.get("event", line)) for line in content)

    def dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self._pages("/api/v2/dags", "dags")]

    def import_errors(self) -> list[dict[str, Any]]:
        """``filename`` and ``stack_trace`` of DAG files that could not be read."""
        return self._pages("/api/v2/importErrors", "import_errors")

    def _pages(self, path: str, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.request("GET", path, params={"limit": 100, "offset": len(found)})
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

    def _send(self, method: str, path: str, more: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token()}", **more.pop("headers", {})}
        answer = self._client.request(method, path, headers=headers, **more)
        more["headers"] = {name: value for name, value in headers.items() if name != "Authorization"}
        return answer


def _detail(answer: httpx.Response) -> object:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:500]
    return body.get("detail", body) if isinstance(body, dict) else body
