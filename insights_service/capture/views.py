"""The capture endpoints: request -> raw events -> durable events -> the answer SDKs expect (api X)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.capture import times
from insights_service.capture.flusher import accept, at_capacity
from insights_service.capture.normalize import Arrival, Dropped, Event, normalize
from insights_service.capture.refusals import Refused, invalid_payload
from insights_service.capture.wire import Envelope, Message, open_envelope, too_large
from insights_service.capture.wire_v1 import Headers, open_v1_envelope
from insights_service.errors import RequestTooLarge, UnreadableBody
from insights_service.requests import read_body

_HEADER_NAMES = re.compile(r"[A-Za-z0-9\-_, ]{1,2000}")
FLAGS: Mapping[str, Any] = {  # api X9
    "featureFlags": {},
    "flags": {},
    "errorsWhileComputingFlags": False,
    "sessionRecording": False,
    "supportedCompression": ["gzip", "gzip-js"],
    "config": {"enable_collect_everything": True},
}
# The browser SDK records clicks only when it is told that they are not refused.
REMOTE_CONFIG: Mapping[str, Any] = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "autocapture_opt_out": False,
}


class SdkView(View):
    """What all endpoints of SDKs share: any origin, no CSRF, errors in the contract's form (api X1)."""

    http_method_names = ["get", "post", "head", "options"]

    @method_decorator(csrf_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Refused as refusal:
            response = refused(refusal)
        return with_cors(request, response)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = refused(Refused("method_not_allowed", f'Method "{request.method}" not allowed.'))
        allowed = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        response["Allow"] = ", ".join(allowed)
        return response


class CaptureView(SdkView):
    """Takes events; `answer` is the body of a success, `default_name` the name of events without one."""

    answer: Mapping[str, Any] = {"status": 1}
    default_name: str | None = None

    def post(self, request: HttpRequest) -> HttpResponse:
        envelope = open_envelope(_message(request))
        dropped = sum(isinstance(found, Dropped) for found in take(envelope, default_name=self.default_name))
        return json_response({**self.answer, **({"dropped": dropped} if dropped else {})})

    get = post


class CaptureV1View(SdkView):
    """Takes events of the newest wire and answers for each (`results` by uuid)."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        headers = Headers(
            authorization=request.headers.get("Authorization", ""),
            sdk_info=request.headers.get("PostHog-Sdk-Info", ""),
            sent_at=request.headers.get("PostHog-Request-Timestamp", ""),
        )
        envelope = open_v1_envelope(_message(request), headers)
        outcomes = zip(envelope.events, take(envelope), strict=True)
        return json_response(
            {"results": {str(raw["uuid"]): _outcome(found) for raw, found in outcomes if raw.get("uuid")}}
        )


class FixedView(SdkView):
    """Answers every request with the same JSON, so that SDKs stay quiet (api X9)."""

    answer: Mapping[str, Any] = {}

    def get(self, request: HttpRequest, **_: str) -> HttpResponse:
        return json_response(self.answer)

    post = get


class ConfigScriptView(SdkView):
    """The script form of the remote configuration that the browser SDK loads."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        config = orjson.dumps({**REMOTE_CONFIG, "token": token}).replace(b"<", b"\\u003c").decode()
        key = orjson.dumps(token).replace(b"<", b"\\u003c").decode()
        script = (
            "(function(){window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
            f"window._POSTHOG_REMOTE_CONFIG[{key}]={{config:{config},siteApps:[]}};}})();"
        )
        return HttpResponse(script, content_type="application/javascript")


def take(envelope: Envelope, *, default_name: str | None = None) -> list[Event | Dropped]:
    """Make the events durable; what became of each, in order. Raises Refused."""
    now = clock.now()
    project_id, anonymize_ips = _project(envelope.token)
    arrival = Arrival(times.microseconds(now), envelope.sent_at, anonymize_ips, default_name)
    found = [normalize(raw, arrival) for raw in envelope.events]
    events = [one for one in found if isinstance(one, Event)]
    accept(project_id, events, [one for one in found if isinstance(one, Dropped)], now=now)
    return found


def json_response(body: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def refused(refusal: Refused) -> HttpResponse:
    response = json_response(refusal.body(), refusal.status)
    if refusal.status == 503:
        response["Retry-After"] = "5"
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def with_cors(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Pages of any origin may send events; they carry no cookies, hence no credentials (api X1)."""
    if origin := request.headers.get("Origin"):
        response["Access-Control-Allow-Origin"] = origin
        response["Vary"] = "Origin"
        response["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response["Access-Control-Max-Age"] = "86400"
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        if _HEADER_NAMES.fullmatch(wanted):
            response["Access-Control-Allow-Headers"] = wanted
    return response


def _message(request: HttpRequest) -> Message:
    try:
        body = read_body(request)
    except RequestTooLarge as exc:
        raise too_large() from exc
    except UnreadableBody as exc:
        raise invalid_payload("The request body broke off.") from exc
    return Message(
        body=body,
        query=request.GET.dict(),
        content_type=request.headers.get("Content-Type", ""),
        content_encoding=request.headers.get("Content-Encoding", "").strip().lower(),
    )


def _project(token: str) -> tuple[int, bool]:
    """Id of the token's project, and whether it keeps no IP addresses. Raises Refused."""
    try:
        projects = Project.objects.filter(api_token=token)
        found = projects.values_list("id", "anonymize_ips").first() if "\0" not in token else None
    except (OperationalError, InterfaceError) as exc:
        raise at_capacity() from exc
    if found is None:
        raise Refused("invalid_api_key", "The project token is not valid.")
    return found


def _outcome(found: Event | Dropped) -> dict[str, str]:
    return {"result": "drop", "details": found.kind} if isinstance(found, Dropped) else {"result": "ok"}
