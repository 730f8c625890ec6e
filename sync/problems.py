"""Refusals in words a person understands, with a code a program can rely on.

Lives here: `Problem`, the one exception that pages and the API turn into an answer, and its RFC 9457
rendering for Django REST framework. Not here: what is refused and why (each room's `policy.py` and
`services.py`). Read next: `docs/sync-protocol.md` for the codes that nodes use between themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

PROBLEM_JSON = "application/problem+json"
_CODE = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


class Problem(Exception):
    """Something that cannot be done, said once, in the reader's language.

    `code` is stable kebab-case for programs; `title` one sentence for people; `detail` says what is safe and
    what to do; `fields` maps an input's name to its own sentence; `extra` are further members of the problem
    document.
    """

    def __init__(
        self,
        code: str,
        title: object,
        *,
        detail: object = "",
        status: int = 400,
        fields: Mapping[str, object] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if not _CODE.match(code):
            raise ValueError(f"a problem code is kebab-case, not {code!r}")
        super().__init__(code)
        self.code, self.status = code, status
        self._title, self._detail, self._fields = title, detail, dict(fields or {})
        self.extra = dict(extra or {})

    @property
    def title(self) -> str:
        return str(self._title)

    @property
    def detail(self) -> str:
        return str(self._detail)

    @property
    def fields(self) -> dict[str, str]:
        return {name: str(sentence) for name, sentence in self._fields.items()}

    def document(self) -> dict[str, Any]:
        """The RFC 9457 problem details object."""
        made: dict[str, Any] = {
            "type": f"urn:posta:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            made["detail"] = self.detail
        if self._fields:
            made["errors"] = self.fields
        return made | self.extra

    def __str__(self) -> str:
        return f"{self.code}: {self.title}"


def _flatten(errors: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(errors, Mapping):
        found: dict[str, str] = {}
        for name, inner in errors.items():
            found |= _flatten(inner, f"{prefix}{name}.")
        return found
    if isinstance(errors, list) and any(isinstance(item, Mapping) for item in errors):
        found = {}
        for index, inner in enumerate(errors):
            found |= _flatten(inner, f"{prefix}{index}.")
        return found
    words = errors if isinstance(errors, list) else [errors]
    return {prefix.rstrip(".") or "non_field_errors": " ".join(str(word) for word in words)}


def problem_of(error: Exception) -> Problem | None:
    """The `Problem` that says what a framework exception means, or None where it is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, (Http404, drf.NotFound)):
        return Problem("not-found", "There is no such record here.", status=404)
    if isinstance(error, drf.ValidationError):
        return Problem("invalid", "Some values are not right.", status=400, fields=_flatten(error.detail))
    if isinstance(error, (PermissionDenied, drf.PermissionDenied)):
        return Problem("not-allowed", "Your role does not allow this.", detail=str(error), status=403)
    if isinstance(error, drf.APIException):
        code = str(getattr(error, "default_code", "error")).replace("_", "-")
        return Problem(code, str(error.detail), status=error.status_code)
    return None


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's exception handler: every refusal leaves as RFC 9457 problem details."""
    problem = problem_of(error)
    if problem is None:
        return None
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    return Response(problem.document(), status=problem.status, headers=headers, content_type=PROBLEM_JSON)
