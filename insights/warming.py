"""Fresh before anybody asks: the insights that people look at, computed in the background when stale.

Bounded three ways: by number, by how long ago somebody looked, and by giving way - while other runs wait,
nothing is warmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import structlog

from insights import keeping
from insights.answer import Asked, answers_for
from insights.context import background_limits, project_context
from insights.models import Insight
from insights.question import question_of
from insights_service import clock
from insights_service.accounts.models import Project
from queries.cache.connection import CacheUnavailable
from queries.cache.policy import Refresh
from queries.errors import QueryError
from queries.parse import parse_query
from queries.wrappers import SourceNode, source_of

log = structlog.get_logger(__name__)

VIEWED_WITHIN = timedelta(days=7)


def keep_warm(count: int) -> int:
    """Look at the `count` insights viewed last; start runs for those whose answers are missing or stale.

    Returns how many runs are under way for them.
    """
    if count == 0 or _is_busy():
        return 0
    started = sum(_warmed(project, insights) for project, insights in _by_project(_viewed(count)))
    log.info("warmed", looked_at=count, started=started)
    return started


def _is_busy() -> bool:
    try:
        return not keeping.waiting_runs().is_empty()
    except CacheUnavailable:
        return True


def _viewed(count: int) -> Iterable[Insight]:
    since = clock.now() - VIEWED_WITHIN
    live = Insight.objects.filter(deleted=False, last_viewed_at__gte=since)
    return live.select_related("project").order_by("-last_viewed_at")[:count]


def _by_project(insights: Iterable[Insight]) -> Iterable[tuple[Project, list[Insight]]]:
    found: dict[Project, list[Insight]] = {}
    for insight in insights:
        found.setdefault(insight.project, []).append(insight)
    return found.items()


def _warmed(project: Project, insights: list[Insight]) -> int:
    nodes = {insight.pk: node for insight in insights if (node := _node_of(insight)) is not None}
    asked = [Asked(node, Refresh.LAZY_ASYNC, insight_id=pk) for pk, node in nodes.items()]
    limits = background_limits(project)
    ctx = replace(project_context(project, nodes.values()), limits=limits, background_limits=limits)
    answers = answers_for(asked, ctx) if asked else []
    return sum(answer.query_status is not None and not answer.query_status["complete"] for answer in answers)


def _node_of(insight: Insight) -> SourceNode | None:
    """What the insight asks; None when it asks nothing or makes no sense any more."""
    question = question_of(insight)
    if question.query is None:
        return None
    try:
        return source_of(parse_query(question.query))
    except QueryError:
        return None
