"""The web address of the node-to-node doors.

Lives here: one view that turns an HTTP request into a `Wire` and central's reply into an answer. There
is no cookie and no session behind these addresses: who calls is in the signature, so there is nothing
for a foreign page to abuse. Not here: everything else (`sync/carriers/server.py`).
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sync.carriers.server import MAX_BODY, Reply, answer
from sync.carriers.signing import Wire

ANY_HOST = "https://central.invalid"  # only the path is signed; the Host header is nobody's word


def _read(request: HttpRequest) -> bytes:
    """The body, up to one byte past the limit: enough to know that it is too large. One read may bring less
    than was asked for.
    """
    body = b""
    while len(body) <= MAX_BODY and (chunk := request.read(MAX_BODY + 1 - len(body))):
        body += chunk
    return body


@csrf_exempt
def door(request: HttpRequest, name: str) -> HttpResponse:
    """`/sync/v1/<name>`."""
    headers = {header.lower(): value for header, value in request.headers.items()}
    body = _read(request)
    declared = request.META.get("CONTENT_LENGTH")
    if declared and declared.isdecimal() and len(body) < int(declared) <= MAX_BODY:
        return HttpResponse(status=400)  # the link broke in the middle: nobody waits for this answer
    came_from = request.META.get("REMOTE_ADDR", "")
    reply: Reply = answer(Wire(request.method or "", f"{ANY_HOST}{request.path}", body, headers, came_from))
    return HttpResponse(
        reply.body, status=reply.status, content_type=reply.content_type, headers=reply.headers
    )
