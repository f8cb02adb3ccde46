"""Reading the same insight again: the same bytes, when nothing that they were made of has changed.

A response is a function of the request, of some rows of PostgreSQL and of one entry of the cache. A process
keeps the last responses together with a fingerprint of those rows and the very bytes of that entry. It sends
one again only after it has compared both with the stores: one statement, one round trip. So nobody has to
tell this module about a change, and nothing can be forgotten. (docs/decisions/0006)
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import structlog
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from insights import keeping
from insights.api.conditional import known_tags
from insights.context import Leaning
from insights_service import clock, metrics, timing
from insights_service.accounts.authentication import LAST_USED_PRECISION
from insights_service.config import get_config
from queries.cache.connection import CacheUnavailable
from queries.cache.policy import Refresh
from queries.cache.store import LIFE, Entry

MAX_BODY_BYTES = 1024 * 1024
MAX_KEPT_BYTES = 32 * 1024 * 1024  # in each process
ONLY_WHEN_ASKED = 2**31  # executions after which the driver prepares a statement by itself
OVERHEAD_BYTES = 2048  # of one kept response besides its body and its entry
# Header fields that say nothing about the answer, or that are looked at each time.
UNRELATED = frozenset(("HTTP_IF_NONE_MATCH", "HTTP_USER_AGENT", "HTTP_X_REQUEST_ID", "HTTP_X_TEST_NOW"))

# `xmin` is the transaction that wrote a version of a row: with it, contents that come back are not the same.
FINGERPRINT = """
SELECT key.expires_at, key.last_used_at, sha256(convert_to(ROW(
    key.xmin, key, caller.xmin, caller, project.xmin, project, organization.xmin, organization,
    insight.xmin, insight,
    (SELECT ROW(member.xmin, member)::text FROM accounts_organizationmembership member
     WHERE member.organization_id = project.organization_id AND member.user_id = caller.id),
    (SELECT ROW(member.xmin, member)::text FROM accounts_projectmembership member
     WHERE member.project_id = project.id AND member.user_id = caller.id),
    (SELECT string_agg(ROW(person.xmin, person)::text, '' ORDER BY person.id) FROM accounts_user person
     WHERE person.id IN (insight.created_by_id, insight.last_modified_by_id)),
    (SELECT string_agg(ROW(tile.xmin, tile, dashboard.xmin, dashboard)::text, '' ORDER BY tile.id)
     FROM insights_dashboardtile tile JOIN insights_dashboard dashboard ON dashboard.id = tile.dashboard_id
     WHERE tile.insight_id = insight.id),
    (SELECT string_agg(ROW(place.xmin, place)::text, '' ORDER BY place.id)
     FROM insights_dashboardcollaborator place WHERE place.user_id = caller.id),
    CASE WHEN %(definitions)s THEN
      (SELECT string_agg(ROW(action.xmin, action)::text, '' ORDER BY action.id) FROM insights_action action
       WHERE action.project_id = project.id) END,
    CASE WHEN %(definitions)s THEN
      (SELECT string_agg(ROW(cohort.xmin, cohort)::text, '' ORDER BY cohort.id) FROM insights_cohort cohort
       WHERE cohort.project_id = project.id) END,
    CASE WHEN %(property_types)s THEN
      (SELECT string_agg(ROW(property.xmin, property)::text, '' ORDER BY property.id)
       FROM persons_propertydefinition property
       WHERE property.project_id = project.id AND property.declared_type IS NOT NULL) END,
    CASE WHEN %(group_types)s THEN
      (SELECT string_agg(ROW(type.xmin, type)::text, '' ORDER BY type.id) FROM persons_grouptype type
       WHERE type.project_id = project.id) END
)::text, 'UTF8'))
FROM accounts_personalapikey key
JOIN accounts_user caller ON caller.id = key.user_id
JOIN accounts_project project ON project.id = %(project_id)s
JOIN accounts_organization organization ON organization.id = project.organization_id
JOIN insights_insight insight ON insight.id = %(insight_id)s
WHERE key.value_hash = %(value_hash)s
"""


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a response of an insight was made of, in words that both stores understand."""

    value_hash: str
    project_id: int
    insight_id: int
    leaning: Leaning
    cache_key: str
    run_name: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A response, with the fingerprint of its rows as it was before they were read, and its cache entry.

    Without `body` it is a 304, which is of use only for clients that have its tag.
    """

    fingerprint: bytes
    entry: Entry
    headers: Mapping[str, str]
    body: bytes | None
    resolver_match: Any

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
    request.may_be_kept = (made_of, entry)  # type: ignore[attr-defined]


class KeptResponses:
    """Answers from memory what has not changed; everything else goes its way and is looked at afterwards.

    A response is kept when its request comes a second time: then it is known beforehand what to take the
    fingerprint of, and requests that come once cost nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.memory = Memory()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = name_of(request)
        if name is None:
            return self.get_response(request)
        seen = self.memory.get(name)
        fingerprint = fingerprint_of(seen.made_of) if seen else None
        if seen and seen.kept and seen.kept.fingerprint == fingerprint:
            again = _again(request, seen.made_of, seen.kept)
            if again is not None:
                return again
        response = self.get_response(request)
        self.memory.put(name, _seen_now(request, response, seen, fingerprint))
        return response


def name_of(request: HttpRequest) -> bytes | None:
    """The request letter by letter, hashed; None for one whose response is never kept.

    Limits of requests have to be counted, which is the way's business.
    """
    meta, config = request.META, get_config()
    if request.method != "GET" or "HTTP_AUTHORIZATION" not in meta:
        return None
    if meta.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in meta:
        return None
    if config.throttle_burst or config.throttle_sustained:
        return None
    fields = sorted(
        (field, value) for field, value in meta.items() if field[:5] == "HTTP_" and field not in UNRELATED
    )
    route = (request.scheme, request.path, request.path_info, getattr(request, "format_suffix", None))
    host = (meta.get("SERVER_NAME"), meta.get("SERVER_PORT"))
    told = repr((route, host, meta.get("QUERY_STRING"), fields))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def fingerprint_of(made_of: MadeOf) -> bytes | None:
    """Changes with every row that the response could depend on.

    None when it must be made anew: the key is gone or has expired or its use is to be noted (api M13), the
    insight is gone, or PostgreSQL does not answer.
    """
    values = {
        "value_hash": made_of.value_hash,
        "project_id": made_of.project_id,
        "insight_id": made_of.insight_id,
        **asdict(made_of.leaning),
    }
    try:
        connection.ensure_connection()
        # Below Django, which switches prepared statements off: planning this one takes longer than running.
        with _preparing(connection.connection), psycopg.Cursor(connection.connection) as cursor:
            row = cursor.execute(FINGERPRINT, values, prepare=True).fetchone()
    except (Error, psycopg.Error):
        return None  # the way will say what is the matter
    if row is None:
        return None
    expires_at, last_used_at, fingerprint = row
    now = clock.now()
    is_usable = expires_at is None or expires_at > now
    is_noted = last_used_at is not None and last_used_at > now - LAST_USED_PRECISION
    return bytes(fingerprint) if is_usable and is_noted else None


@contextmanager
def _preparing(driver: psycopg.Connection[Any]) -> Iterator[None]:
    """In the block the driver prepares the statements that ask for it; it belongs to this thread alone."""
    driver.prepare_threshold = ONLY_WHEN_ASKED
    try:
        yield
    finally:
        driver.prepare_threshold = None


def _again(request: HttpRequest, made_of: MadeOf, kept: Kept) -> HttpResponse | None:
    """The kept response once more; None when its entry is not the same, or this client needs another."""
    tags = known_tags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    is_known = kept.headers["ETag"] in tags
    if kept.body is None and not is_known:
        return None
    if clock.now() - kept.entry.header.last_refresh > LIFE:
        return None
    try:
        if not keeping.unchanged(made_of.project_id, made_of.cache_key, kept.entry.raw or b""):
            return None
    except CacheUnavailable:
        return None
    request.resolver_match = kept.resolver_match
    structlog.contextvars.bind_contextvars(project=kept.resolver_match.kwargs["project_id"])
    timing.answered(made_of.run_name or made_of.cache_key)
    timing.found("hit")
    metrics.count_answer(Refresh.FORCE_CACHE, is_cached=True, has_result=True)
    if not is_known:
        return HttpResponse(kept.body, headers=kept.headers)
    response = HttpResponse(status=304, headers={**kept.headers, "Content-Length": "0"})
    del response.headers["Content-Type"]
    return response


def _seen_now(
    request: HttpRequest, response: HttpResponseBase, before: Seen | None, fingerprint: bytes | None
) -> Seen | None:
    """What to remember of a request that went its way; None for nothing."""
    told: tuple[MadeOf, Entry] | None = getattr(request, "may_be_kept", None)
    if told is None or response.status_code not in (200, 304) or not isinstance(response, HttpResponse):
        return None
    made_of, entry = told
    # The fingerprint was taken of what the last response was made of, and before the rows were read.
    is_known = before is not None and before.made_of == made_of and fingerprint is not None
    if not is_known or fingerprint is None or response.cookies or len(response.content) > MAX_BODY_BYTES:
        return Seen(made_of)
    body = None if response.status_code == 304 else response.content
    return Seen(made_of, Kept(fingerprint, entry, dict(response.items()), body, request.resolver_match))
