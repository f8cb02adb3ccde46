"""Sessions: what all events of one `$session_id` say together (semantics B11-B14).

There is no session table. A session is put together from its events in the query's range widened by a
day on both sides, so that one that began before the range keeps its whole length (B12).
"""

from __future__ import annotations

from datetime import timedelta

from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.sql.channels import channel_type
from queries.sql.events import Span, scan
from queries.sql.fragment import Sql, all_of, sql

WIDENED_BY = timedelta(days=1)
BOUNCE_SECONDS = 10  # a visit of one view that stays shorter than this is a bounce

_SESSION_ID = sql("session_id")
_IN_A_SESSION = sql("session_id != ''")
_SECONDS = sql("intDiv(toUnixTimestamp64Micro(max(ts)) - toUnixTimestamp64Micro(min(ts)), 1000000)")
_VIEWS = "event IN ('$pageview', '$screen')"


def session_property(key: str) -> Sql:
    """A session's property in its stored text form ('' is not set), as an aggregate over its events."""
    if key not in _PROPERTIES:
        known = ", ".join(sorted(_PROPERTIES))
        raise InvalidQuery(f'"{key}" is not a property of sessions; there are {known}.', attr="key")
    return _PROPERTIES[key]


def session_set(condition: Sql, ctx: ProjectContext, span: Span = Span()) -> Sql:
    """`SELECT session_id` of the sessions meeting a condition made of `session_property` parts.

    `span` is the query's own range; unbounded reads every event of the project.
    """
    tail = sql("GROUP BY session_id HAVING {condition}", condition=condition)
    return scan(ctx, [_SESSION_ID], span=widened(span), where=_IN_A_SESSION, tail=tail)


def session_values(key: str, ctx: ProjectContext, span: Span = Span(), where: Sql | None = None) -> Sql:
    """`SELECT session_id, value`: one row a session, the value in its stored text form."""
    value = sql("{value} AS value", value=session_property(key))
    wanted = all_of([_IN_A_SESSION] if where is None else [_IN_A_SESSION, where])
    return scan(ctx, [_SESSION_ID, value], span=widened(span), where=wanted, tail=sql("GROUP BY session_id"))


def widened(span: Span) -> Span:
    """The range in which a session's events are looked for (B12)."""
    return Span(
        None if span.start is None else span.start - WIDENED_BY,
        None if span.end is None else span.end + WIDENED_BY,
    )


def _text(template: str) -> Sql:
    return sql(f"toString({template})")


# Ties in time are broken by uuid, so that the answer never depends on the order of insertion (J4).
_PROPERTIES: dict[str, Sql] = {
    "$session_duration": sql("toString({seconds})", seconds=_SECONDS),  # B12
    "$entry_current_url": sql(
        "toString(argMinIf(p_current_url, (ts, uuid), p_current_url NOT IN ('', '\\0')))"
    ),
    "$exit_current_url": sql(
        "toString(argMaxIf(p_current_url, (ts, uuid), p_current_url NOT IN ('', '\\0')))"
    ),
    "$pageview_count": _text("countIf(event = '$pageview')"),
    "$autocapture_count": _text("countIf(event = '$autocapture')"),
    "$screen_count": _text("countIf(event = '$screen')"),
    "$num_uniq_urls": _text("uniqExactIf(p_current_url, p_current_url NOT IN ('', '\\0'))"),
    # Not set for a session without a view: there was nothing to bounce from.
    "$is_bounce": sql(
        f"multiIf(countIf({_VIEWS}) = 0, '', countIf({_VIEWS}) = 1 AND countIf(event = '$autocapture') = 0"
        f" AND {{seconds}} < {BOUNCE_SECONDS}, 'true', 'false')",
        seconds=_SECONDS,
    ),
    "$channel_type": channel_type(),
}
SESSION_KEYS = frozenset(_PROPERTIES)
