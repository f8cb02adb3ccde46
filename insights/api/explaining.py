"""`?explain=1`: what a question would cost, in place of its answer (ours)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from insights.compute import reaching_the_store, store_client
from insights.promotion import noted_columns
from insights_service.accounts.models import Level
from insights_service.parsers import is_true
from insights_service.persons.event_store import event_store
from insights_service.persons.sync import prepare_for_query
from queries.cache.key import cache_key
from queries.context import ProjectContext
from queries.execute import QueryTag
from queries.explain import explain
from queries.registry import compile_node
from queries.wrappers import SourceNode

EXPLAIN = OpenApiParameter(
    "explain",
    OpenApiTypes.BOOL,
    description="Do not answer; say what the query would read. Administrators also see its SQL.",
)


def wants_explanation(request: Any) -> bool:
    """Whether the request asks for the cost and not for the answer."""
    return is_true(request.query_params.get("explain"))


def explained(node: SourceNode, ctx: ProjectContext, level: int | None) -> Response:
    """The statements with their scans; the SQL only for who administers the project."""
    with reaching_the_store(ctx.limits):
        identities = prepare_for_query(ctx.project_id)
        columns = noted_columns(event_store())
    ready = replace(ctx, has_overrides=identities.has_overrides, promoted=columns)
    key = cache_key(node, ctx)
    tag = QueryTag(ctx.project_id, "explain", key, key)
    found = explain(compile_node(node, ready), client=store_client(), tag=tag, limits=ctx.limits)
    may_see_sql = level is not None and level >= Level.ADMIN
    statements = [
        {
            "sql": statement.sql if may_see_sql else None,
            "params": statement.params if may_see_sql else None,
            "rows": statement.rows,
            "scans": [asdict(scan) for scan in statement.scans],
        }
        for statement in found
    ]
    total = sum(statement.rows for statement in found)
    return Response({"query": node.to_wire(), "cache_key": key, "rows": total, "statements": statements})
