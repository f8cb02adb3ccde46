"""What a saved insight asks, as it is shown and computed (api P24, P27-P30).

The stored columns stay as sent; here they become one query, seen through a dashboard or through what
the caller overrides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from insights.legacy_filters import is_question
from insights.mentions import source_of
from insights.models import DashboardTile, Insight
from insights.overrides import (
    apply_dashboard_filters,
    apply_to_legacy,
    apply_variables,
    both,
    merge_filters,
    obeys_filters,
)
from queries.errors import NotSupported, QueryError
from queries.legacy import filters_to_query

Json = dict[str, Any]
UNFILTERABLE = "This kind of insight cannot be limited to some rows."
NO_QUESTION: Mapping[str, Any] = {"insight": "TRENDS"}


@dataclass(frozen=True, slots=True)
class Context:
    """What lies over an insight: the tile of a dashboard, and overrides of the request (api P28-P30)."""

    tile: DashboardTile | None = None
    filters_override: Mapping[str, Any] = field(default_factory=dict)
    variables_override: Mapping[str, Any] = field(default_factory=dict)
    row_filter: Any = None  # property filters the viewer is tied to (embed tokens)

    @property
    def filters(self) -> Json:
        dashboard = self.tile.dashboard.filters if self.tile else {}
        merged = merge_filters(dashboard, self.filters_override)
        if self.row_filter:
            merged["properties"] = both(merged.get("properties"), self.row_filter)
        return merged

    @property
    def variables(self) -> Json:
        dashboard = self.tile.dashboard.variables if self.tile else {}
        return {**dashboard, **self.variables_override}


PLAIN = Context()


@dataclass(frozen=True, slots=True)
class Question:
    """`query` and `filters` as the wire shows them; `source` is the node to compute, None for nothing.

    `unreadable` is set when old filters can no longer be converted; then there is nothing to compute
    either, and the error says why.
    """

    query: Json | None
    filters: Json
    unreadable: QueryError | None = None

    @property
    def source(self) -> Mapping[str, Any] | None:
        return None if self.query is None else source_of(self.query)


def question_of(insight: Insight, context: Context = PLAIN) -> Question:
    """The question of an insight in its context: its own query, else its filters converted (api P27)."""
    if insight.query is not None:
        if context.row_filter and not obeys_filters(insight.query):
            return Question(None, {}, unreadable=NotSupported(UNFILTERABLE))
        return Question(_in_context(insight.query, context), {})
    if not is_question(insight.filters):
        return Question(None, dict(NO_QUESTION))
    filters = apply_to_legacy(insight.filters, context.filters)
    try:
        query = wrapped(insight.filters)
    except QueryError as error:
        return Question(None, filters, unreadable=error)
    return Question(_in_context(query, context), filters)


def wrapped(filters: Mapping[str, Any]) -> Json:
    """Old filters as the query that is shown in their place (api P27). QueryError when they make no sense."""
    return {"kind": "InsightVizNode", "source": filters_to_query(filters), "full": True}


def _in_context(query: Mapping[str, Any], context: Context) -> Json:
    return apply_variables(apply_dashboard_filters(query, context.filters), context.variables)
