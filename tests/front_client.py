"""Django's test client, with what stands in front of Django in the real service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler

from insights.api.kept_responses import KeptResponses


class _Handler(ClientHandler):
    """Each client is a process of its own: it remembers what it was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.front = KeptResponses(lambda environ, start_response: super(_Handler, self).__call__(environ))

    def __call__(self, environ: dict[str, Any]) -> Any:
        head: list[Any] = []
        answer: Iterable[bytes] = self.front(environ, lambda *told: head.extend(told))
        if not head:
            return answer
        status, headers = head
        response = HttpResponse(b"".join(answer), status=int(status.split()[0]), headers=dict(headers))
        if "Content-Type" not in dict(headers):
            del response.headers["Content-Type"]
        response.wsgi_request = WSGIRequest(environ)  # type: ignore[attr-defined]
        return response


class FrontClient(Client):
    """`Client` of the whole service."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler = _Handler(self.handler.enforce_csrf_checks)
