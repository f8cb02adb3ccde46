"""Reading the same insight again: the same bytes, when nothing that they were made of has changed.

A response is a function of the request, of some rows of PostgreSQL and of one entry of the cache. A process
keeps the last responses together with a fingerprint of those rows and the very bytes of that entry. It sends
one again only after it has compared both with the stores: one statement, one round trip. So nobody has to
tell this module about a change, and nothing can be forgotten. (docs/decisions/0006)

It stands in front of Django, which takes longer to begin with a request than all of this takes.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from insights import keeping
from insights.api.conditional import known_tags
from insights.api.fingerprints import Fingerprint, Rows, fingerprint_now, fingerprint_of
from insights_service import clock, metrics, timing
from insights_service.config import get_config
from insights_service.middleware import REQUEST_ID_HEADER, held_instant, log_answer, request_id_of
from queries.cache.connection import CacheUnavailable
from queries.cache.policy import Refresh
from queries.cache.store import LIFE, Entry

MAX_BODY_BYTES = 1024 * 1024
MAX_KEPT_BYTES = 32 * 1024 * 1024  # in each process
OVERHEAD_BYTES = 2048  # of one kept response besides its body and its entry
# Header fields that say nothing about the answer, or that are looked at each time.
UNRELATED = frozenset(("HTTP_IF_NONE_MATCH", "HTTP_USER_AGENT", "HTTP_X_REQUEST_ID", "HTTP_X_TEST_NOW"))
ROUTE = ("wsgi.url_scheme", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
OWN_HEADERS = frozenset((REQUEST_ID_HEADER, timing.TIMING_HEADER))  # of each single answer
STATUS_LINES = {200: "200 OK", 304: "304 Not Modified"}
TOLD = "insights.may_be_kept"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a response of an insight was made of, in words that both stores understand."""

    rows: Rows
    cache_key: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A response, with the fingerprint of its rows as it was before they were read, and its cache entry.

    Without `body` it is a 304, which is of use only for clients that have its tag. `path`, `route` and
    `project` are those of the request for log and counters.
    """

    fingerprint: Fingerprint
    entry: Entry
    headers: Mapping[str, str]
    body: bytes | None
    path: str
    route: str
    project: str

    @property
    def size(self) -> int:
        return len(self.body or b"") + len(self.entry.raw or b"") + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came before: what its response was made of, and that response if it was kept."""

    made_of: MadeOf
    kept: Kept | None = None

    @property
    def size(self) -> int:
        return self.kept.size if self.kept else OVERHEAD_BYTES


class Memory:
    """The requests seen last, bounded by the bytes of what is kept. Safe between threads."""

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, name: bytes) -> Seen | None:
        with self._lock:
            if name in self._seen:
                self._seen.move_to_end(name)
            return self._seen.get(name)

    def put(self, name: bytes, seen: Seen | None) -> None:
        """Remember it in place of what was there; None forgets."""
        with self._lock:
            before = self._seen.pop(name, None)
            self._bytes -= before.size if before else 0
            if seen is None:
                return
            self._seen[name] = seen
            self._bytes += seen.size
            while self._bytes > self._max_bytes:
                self._bytes -= self._seen.popitem(last=False)[1].size


def may_be_kept(request: HttpRequest, made_of: MadeOf, entry: Entry) -> None:
    """Said by the view: this response is a function of the request, of these rows and of this entry."""
    request.environ[TOLD] = (request, made_of, entry)  # type: ignore[attr-defined]


class KeptResponses:
    """Answers from memory what has not changed; everything else goes its way and is looked at afterwards.

    A response is kept when its request comes a second time: then it is known beforehand what to take the
    fingerprint of, and requests that come once cost nothing. `application` is Django's, whose result is the
    response itself.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.memory = Memory()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        name = name_of(environ)
        try:
            instant = held_instant(environ)
        except (ValueError, OverflowError):
            name = None  # the way will say so
        if name is None:
            return self.application(environ, start_response)
        with clock.frozen(instant):
            seen, fingerprint, good = self._now(name)
            if good is not None and (good.body is not None or _is_known(environ, good)):
                return _again(environ, good, start_response, started)
        response = self.application(environ, start_response)
        self.memory.put(name, _seen_now(environ.pop(TOLD, None), response, seen, fingerprint))
        return response

    def _now(self, name: bytes) -> tuple[Seen | None, Fingerprint | None, Kept | None]:
        """What is known of a request, its fingerprint now, and what is kept if it is good still."""
        seen = self.memory.get(name)
        if seen is None:
            return None, None, None
        made_of, kept = seen.made_of, seen.kept
        if kept is None or clock.now() - kept.entry.header.last_refresh > LIFE:
            return seen, fingerprint_of(made_of.rows), None
        try:
            entry = kept.entry.raw or b""
            with keeping.comparing(made_of.rows.project_id, made_of.cache_key, entry) as is_unchanged:
                fingerprint = fingerprint_now(made_of.rows, kept.fingerprint)
                is_good = is_unchanged()
        except CacheUnavailable:
            return seen, None, None
        if fingerprint is None or fingerprint.digest != kept.fingerprint.digest:
            return seen, fingerprint, None
        if fingerprint is not kept.fingerprint:
            # Somebody wrote something else: from now on it is known to be good as of here.
            kept = replace(kept, fingerprint=fingerprint)
            self.memory.put(name, Seen(made_of, kept))
        return seen, fingerprint, kept if is_good else None


def name_of(environ: Environ) -> bytes | None:
    """The request letter by letter, hashed; None for one whose response is never kept.

    Limits of requests have to be counted, which is the way's business.
    """
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_AUTHORIZATION" not in environ:
        return None
    if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    config = get_config()
    if config.throttle_burst or config.throttle_sustained:
        return None
    fields = sorted(
        (field, value) for field, value in environ.items() if field[:5] == "HTTP_" and field not in UNRELATED
    )
    route = tuple(environ.get(part) for part in ROUTE)
    return hashlib.sha256(repr((route, fields)).encode("utf-8", "surrogatepass")).digest()


def _is_known(environ: Environ, kept: Kept) -> bool:
    """Whether the client says that it has this response."""
    tags = environ.get("HTTP_IF_NONE_MATCH")
    return tags is not None and kept.headers["ETag"] in known_tags(tags)


def _again(environ: Environ, kept: Kept, start_response: StartResponse, started: float) -> Iterable[bytes]:
    """Send the response once more, or 304; counted and logged like any other."""
    headers, body, status = dict(kept.headers), kept.body or b"", 200
    if _is_known(environ, kept):
        status, body = 304, b""
        headers.pop("Content-Type", None)
        headers["Content-Length"] = "0"
    request_id = request_id_of(environ)
    seconds = time.perf_counter() - started
    headers[REQUEST_ID_HEADER] = request_id
    headers[timing.TIMING_HEADER] = timing.told({"total": seconds})
    metrics.count_answer(Refresh.FORCE_CACHE, is_cached=True, has_result=True)
    metrics.count_request("GET", kept.route, status, seconds)
    log_answer("GET", kept.path, status, seconds, request_id=request_id, project=kept.project)
    start_response(STATUS_LINES[status], list(headers.items()))
    return (body,)


def _seen_now(
    told: tuple[HttpRequest, MadeOf, Entry] | None,
    response: Iterable[bytes],
    before: Seen | None,
    fingerprint: Fingerprint | None,
) -> Seen | None:
    """What to remember of a request that went its way; None for nothing."""
    if told is None or not isinstance(response, HttpResponse) or response.status_code not in STATUS_LINES:
        return None
    request, made_of, entry = told
    # The fingerprint was taken of what the last response was made of, and before the rows were read.
    is_known = before is not None and before.made_of == made_of
    match = request.resolver_match
    if not is_known or fingerprint is None or match is None:
        return Seen(made_of)
    if response.cookies or len(response.content) > MAX_BODY_BYTES:
        return Seen(made_of)
    headers = {field: value for field, value in response.items() if field not in OWN_HEADERS}
    body = None if response.status_code == 304 else response.content
    kept = Kept(fingerprint, entry, headers, body, request.path, match.route, match.kwargs["project_id"])
    return Seen(made_of, kept)
