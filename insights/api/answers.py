"""Answers for the insights that a view shows: what the request asks of the cache, and what comes of it.

Retrieving tells the caller about his own mistakes; lists, dashboards and writes never fail because one
insight cannot be computed (api N6, P13, R14).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from insights import background
from insights.answer import Answer, Asked, answers_for, respelled, safe_answer
from insights.api.requests import wants_csv
from insights.context import leaning, project_context
from insights.shown import NO_ANSWER, AnswerFacts, ShownInsight
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.errors import InvalidInput
from queries.cache.policy import Endpoint, Refresh, read_refresh
from queries.cache.status import QueryStatus
from queries.errors import Path, QueryError, join_path, split_path
from queries.legacy import read_legacy
from queries.parse import parse_query, spelling
from queries.wrappers import SourceNode, source_of

NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")  # api R12
REFRESH_PARAMETERS = [
    OpenApiParameter(
        "refresh",
        OpenApiTypes.STR,
        enum=sorted(set(Refresh) - {Refresh.ASYNC_EXCEPT_ON_CACHE_MISS}),
        default="force_cache",
        description=(
            "Whether to refresh the insight, how aggressively, and if sync or async:\n"
            "- `force_cache`: cached data or a cache miss; never calculates\n"
            "- `blocking`: calculate, unless there are very fresh results in the cache\n"
            "- `async`: calculate in the background, unless there are very fresh results\n"
            "- `lazy_async`: calculate in the background, unless there are somewhat fresh results\n"
            "- `force_blocking`: calculate, even if fresh results are cached\n"
            "- `force_async`: calculate in the background, even if fresh results are cached\n\n"
            "Background calculation can be tracked using `query_status`."
        ),
    ),
]
NAME_PARAMETER = OpenApiParameter(
    "client_query_id", OpenApiTypes.STR, description="Your own name for the run, to follow or cancel it by."
)


TABLE_FACTS = ("has_more", "columns", "types", "hogql", "resolved_date_range")
BLOCKING = frozenset({Refresh.BLOCKING, Refresh.FORCE_BLOCKING, Refresh.ASYNC_EXCEPT_ON_CACHE_MISS})


@dataclass(frozen=True, slots=True)
class Wish:
    """How answers are wanted. `as_values`: results are looked into (CSV, guests) and not only passed on."""

    refresh: Refresh
    name: str | None = None
    as_values: bool = False


def wish_of(request: Any, endpoint: Endpoint = Endpoint.INSIGHT, *, is_guest: bool = False) -> Wish:
    """What a request wants. InvalidQuery / InvalidInput for a bad `refresh` or `client_query_id`."""
    raw = _parameter(request, "refresh")
    refresh = read_refresh(raw, Endpoint.SHARED if is_guest else endpoint)
    name = _parameter(request, "client_query_id")
    if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
        detail = "A client_query_id has 1 to 128 letters, digits and characters of _ . : -"
        raise InvalidInput(detail, attr="client_query_id")
    return Wish(refresh, name, as_values=is_guest or wants_csv(request))


def answer_one(shown: ShownInsight, project: Project, wish: Wish) -> ShownInsight:
    """The insight with its answer. Raises QueryError, in the caller's spelling, for what he can fix."""
    node = _node_of(shown)
    if isinstance(node, QueryError) and wish.refresh in BLOCKING:
        raise node
    if node is None or isinstance(node, QueryError):
        return answer_all([shown], project, wish)[0]
    try:
        answer = safe_answer(_asked(shown, node, wish), project_context(project, [node]))
    except QueryError as error:
        raise respelled(error, _spelling(shown)) from error
    facts = _facts(answer, wish)
    if facts.entry is not None:  # only such a response may be kept
        facts = replace(facts, leaning=leaning(project, [node]))
    return replace(shown, answer=facts)


def answer_all(shown: Sequence[ShownInsight], project: Project, wish: Wish) -> list[ShownInsight]:
    """The insights with their answers; one that fails says so itself, the others are not concerned."""
    nodes = [_node_of(one) for one in shown]
    known = {
        at: node for at, node in enumerate(nodes) if node is not None and not isinstance(node, QueryError)
    }
    asked = [_asked(shown[at], node, wish) for at, node in known.items()]
    answers = answers_for(asked, project_context(project, known.values())) if asked else []
    facts = {at: _facts(answer, wish) for at, answer in zip(known, answers, strict=True)}
    facts |= {
        at: AnswerFacts(query_status=_unreadable(shown[at], error))
        for at, error in enumerate(nodes)
        if isinstance(error, QueryError)
    }
    return [replace(one, answer=facts.get(at, NO_ANSWER)) for at, one in enumerate(shown)]


def _node_of(shown: ShownInsight) -> SourceNode | QueryError | None:
    """The node to compute; None when nothing is asked, the error when it cannot be read in its context."""
    if shown.question.unreadable is not None:
        return shown.question.unreadable
    if shown.question.query is None:
        return None
    try:
        return source_of(parse_query(shown.question.query))
    except QueryError as error:
        return error


def _asked(shown: ShownInsight, node: SourceNode, wish: Wish) -> Asked:
    tile = shown.context.tile
    return Asked(node, wish.refresh, wish.name, shown.insight.pk, tile.dashboard_id if tile else None)


def _facts(answer: Answer, wish: Wish) -> AnswerFacts:
    header = answer.header
    return AnswerFacts(
        result=answer.result if wish.as_values else answer.fragment,
        is_cached=answer.is_cached,
        last_refresh=answer.last_refresh,
        cache_target_age=answer.cache_target_age,
        next_allowed_client_refresh=answer.next_allowed_client_refresh,
        cache_key=answer.cache_key,
        query_status=answer.query_status,
        entry=answer.entry if answer.is_cached else None,
        **{name: getattr(header, name, None) for name in TABLE_FACTS},
    )


def _unreadable(shown: ShownInsight, error: QueryError) -> Mapping[str, Any]:
    """The status of a question that was saved once and makes no sense (any more)."""
    now, tile = clock.now(), shown.context.tile
    status = QueryStatus(
        id=f"insight-{shown.insight.pk}",
        project_id=shown.insight.project_id,
        cache_key="",
        start_time=now,
        end_time=now,
        expiration_time=now,
        insight_id=shown.insight.pk,
        dashboard_id=tile.dashboard_id if tile else None,
        complete=True,
        error=True,
        error_message=error.detail,
    )
    return background.status_json(status)


def _spelling(shown: ShownInsight) -> Callable[[Path], str | None]:
    """Path into the node -> attr as the insight was saved: below `query`, or below `filters` (api N5)."""
    insight = shown.insight
    if insight.query is not None:
        return spelling(parse_query(insight.query))
    spell = read_legacy(insight.filters, endpoint=False).spell
    return lambda path: join_path(("filters", *split_path(spell(path))))


def _parameter(request: Any, name: str) -> Any:
    """From the query string, else from the body of a write (api R1)."""
    if name in request.query_params:
        return request.query_params[name]
    return request.data.get(name) if request.method in ("POST", "PATCH", "PUT") else None
