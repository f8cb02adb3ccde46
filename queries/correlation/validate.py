"""What makes a funnel correlation wrong (semantics F10, F11)."""

from __future__ import annotations

from queries.correlation.node import CorrelationType, FunnelCorrelationQuery
from queries.errors import Path
from queries.funnels.validate import check_funnel_actors
from queries.rules import invalid, required

# The list of names a type needs, on the wire and in Python.
CORRELATION_NAMES = {  # semantics F10, F11
    CorrelationType.PROPERTIES: ("funnelCorrelationNames", "funnel_correlation_names"),
    CorrelationType.EVENT_WITH_PROPERTIES: (
        "funnelCorrelationEventNames",
        "funnel_correlation_event_names",
    ),
}


def check_correlation(query: FunnelCorrelationQuery, path: Path = ()) -> None:
    check_funnel_actors(query.source, (*path, "source"))
    wire, field = CORRELATION_NAMES.get(query.funnel_correlation_type, ("", ""))
    if field and not getattr(query, field):
        raise required((*path, wire), f'A correlation of "{query.funnel_correlation_type}" needs names.')
    by_expression = query.source.source.funnels_filter.funnel_aggregate_by_hogql
    if query.funnel_correlation_type is CorrelationType.PROPERTIES and by_expression:
        raise invalid((*path, "funnelCorrelationType"), "The values of an expression have no properties.")
