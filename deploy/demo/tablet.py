"""A tablet at work: somebody logged in over HTTPS, and the calls of the API.

Lives here: `Tablet`, which logs in on the log-in page as a browser does and repeats a request whose answer
was lost with the same save id, and `Spoiled`, raised for every answer that is not the expected one. Not
here: what is done with it (`day.py`).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from deploy.demo.layout import DemoNode
from deploy.demo.programme import Colleague

TRIES: Final = 3
PATIENCE_S: Final = 60.0


class Spoiled(Exception):
    """The day did not go as it must; the sentence says where."""


class Tablet:
    """One person's log-in on one tablet."""

    def __init__(self, node: DemoNode, ca: Path, device: str, who: Colleague) -> None:
        self.node, self.who = node, who
        self._client = httpx.Client(
            base_url=node.url,
            verify=ssl.create_default_context(cafile=str(ca)),
            headers={"Posta-Device": device, "Referer": f"{node.url}/"},
            timeout=PATIENCE_S,
            trust_env=False,
        )

    def __enter__(self) -> Tablet:
        self._log_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _log_in(self) -> None:
        self._client.get("/account/login/")
        said = {"login": self.who.username, "password": self.who.password, "csrfmiddlewaretoken": self._csrf}
        answer = self._client.post("/account/login/", data=said)
        if answer.status_code != 302:
            raise Spoiled(f"{self.who.full_name} could not log in at {self.node.name}: {answer.status_code}")

    @property
    def _csrf(self) -> str:
        return self._client.cookies.get(f"__Host-posta_csrf_{self.node.port}") or ""

    def get(self, path: str, **query: str) -> Any:
        """What is there."""
        return self._call("GET", path, None, None, (200,), query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, save_id: UUID | None = None) -> Any:
        """Save something new. With the same save id it is the same save."""
        return self._call("POST", path, body or {}, save_id or uuid4(), (200, 201, 202), {})

    def patch(self, path: str, body: Mapping[str, Any], *, save_id: UUID | None = None) -> Any:
        """Save a correction of the version that the body names."""
        return self._call("PATCH", path, body, save_id or uuid4(), (200,), {})

    def refused(self, path: str, body: Mapping[str, Any]) -> str:
        """Try what is not allowed; answers the refusal's code."""
        answer: dict[str, Any] = self._call("POST", path, body, uuid4(), (400, 403, 404, 409), {})
        return str(answer.get("code", ""))

    def tried(self, path: str, body: Mapping[str, Any]) -> Any:
        """Save something new, or be told why not."""
        return self._call("POST", path, body, uuid4(), (201, 400), {})

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        save_id: UUID | None,
        expected: tuple[int, ...],
        query: Mapping[str, str],
    ) -> Any:
        headers = {} if save_id is None else {"Idempotency-Key": str(save_id), "X-CSRFToken": self._csrf}
        answer = self._send(method, f"/api/v1/{path}", headers, body, query)
        if answer.status_code not in expected:
            raise Spoiled(
                f"{method} {path} at {self.node.name} answered {answer.status_code}: {answer.text[:400]}"
            )
        return answer.json() if answer.content else {}

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
    ) -> httpx.Response:
        for attempt in range(1, TRIES + 1):
            try:
                return self._client.request(
                    method, path, headers=dict(headers), json=body, params=dict(query)
                )
            except httpx.TransportError as error:  # the same save id goes again, so nothing is saved twice
                if attempt == TRIES:
                    raise Spoiled(f"{method} {path} at {self.node.name}: {error}") from error
        raise AssertionError("the last try returns or raises")
