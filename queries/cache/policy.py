"""What to do about a question, given how it was asked and what is known already (api R1-R8).

Two tables and nothing else: refresh mode x freshness -> step, and interval -> ages. No clock, no cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from queries.context import ProjectContext
from queries.correlation.node import FunnelCorrelationQuery
from queries.dates import ResolvedRange, resolve_range
from queries.errors import InvalidQuery, QueryError
from queries.funnels.node import FunnelsQuery
from queries.lifecycle.node import LifecycleQuery
from queries.nodes import DateRange, InsightNode
from queries.paths.node import PathsQuery
from queries.retention.node import RetentionQuery
from queries.stickiness.node import StickinessQuery
from queries.trends.node import TrendsQuery
from queries.vocabulary import Interval
from queries.wrappers import SourceNode


class Refresh(StrEnum):
    """How the caller wants the answer (api R1)."""

    FORCE_CACHE = "force_cache"
    BLOCKING = "blocking"
    ASYNC = "async"
    LAZY_ASYNC = "lazy_async"
    FORCE_BLOCKING = "force_blocking"
    FORCE_ASYNC = "force_async"
    ASYNC_EXCEPT_ON_CACHE_MISS = "async_except_on_cache_miss"

    @property
    def is_forced(self) -> bool:
        """What is kept already does not matter."""
        return self in (Refresh.FORCE_BLOCKING, Refresh.FORCE_ASYNC)


class Freshness(StrEnum):
    """What is kept, by its age (api R3)."""

    MISSING = "missing"
    VERY_FRESH = "very fresh"
    SOMEWHAT_FRESH = "somewhat fresh"
    STALE = "stale"


class Step(StrEnum):
    """What is done. `SERVE` answers with what is kept, `ENQUEUE` starts a run in the background."""

    MISS = "miss"
    SERVE = "serve"
    COMPUTE = "compute"
    ENQUEUE = "enqueue"
    SERVE_AND_ENQUEUE = "serve and enqueue"


# fmt: off
# api R3, row by row:             missing       very fresh    somewhat fresh          stale
_ROWS = {
    Refresh.FORCE_CACHE:         (Step.MISS,    Step.SERVE,   Step.SERVE,             Step.SERVE),
    Refresh.BLOCKING:            (Step.COMPUTE, Step.SERVE,   Step.COMPUTE,           Step.COMPUTE),
    Refresh.ASYNC:               (Step.ENQUEUE, Step.SERVE,   Step.SERVE_AND_ENQUEUE, Step.SERVE_AND_ENQUEUE),
    Refresh.LAZY_ASYNC:          (Step.ENQUEUE, Step.SERVE,   Step.SERVE,             Step.SERVE_AND_ENQUEUE),
    Refresh.FORCE_BLOCKING:      (Step.COMPUTE, Step.COMPUTE, Step.COMPUTE,           Step.COMPUTE),
    Refresh.FORCE_ASYNC:         (Step.ENQUEUE, Step.ENQUEUE, Step.ENQUEUE,           Step.ENQUEUE),
    # api R1: blocking on a miss, otherwise async
    Refresh.ASYNC_EXCEPT_ON_CACHE_MISS:
                                 (Step.COMPUTE, Step.SERVE,   Step.SERVE_AND_ENQUEUE, Step.SERVE_AND_ENQUEUE),
}
# fmt: on
TABLE: Mapping[Refresh, Mapping[Freshness, Step]] = {
    mode: dict(zip(Freshness, steps, strict=True)) for mode, steps in _ROWS.items()
}


@dataclass(frozen=True, slots=True)
class Ages:
    """Up to which age an answer is very fresh, and up to which somewhat fresh."""

    default: timedelta
    lazy: timedelta


# api R5; quarter and year, which are ours, age like a month, a second like a minute.
AGES: Mapping[Interval, Ages] = {
    Interval.SECOND: Ages(timedelta(minutes=5), timedelta(minutes=15)),
    Interval.MINUTE: Ages(timedelta(minutes=5), timedelta(minutes=15)),
    Interval.HOUR: Ages(timedelta(hours=1), timedelta(hours=2)),
    Interval.DAY: Ages(timedelta(hours=6), timedelta(hours=12)),
    Interval.WEEK: Ages(timedelta(days=1), timedelta(days=1)),
    Interval.MONTH: Ages(timedelta(days=2), timedelta(days=2)),
    Interval.QUARTER: Ages(timedelta(days=2), timedelta(days=2)),
    Interval.YEAR: Ages(timedelta(days=2), timedelta(days=2)),
}
CLOSED_MARGIN = timedelta(seconds=10)  # api R6
CLIENT_PAUSE = timedelta(minutes=1)  # api R8


class Endpoint(StrEnum):
    """Where a refresh mode was given; each place has its own default and its own readings (api R2, Q9)."""

    INSIGHT = "insight"
    LIST = "list"
    QUERY = "query"
    CALCULATION = "calculation"
    SHARED = "shared"


DEFAULTS: Mapping[Endpoint, Refresh] = {
    Endpoint.INSIGHT: Refresh.FORCE_CACHE,
    Endpoint.LIST: Refresh.FORCE_CACHE,
    Endpoint.QUERY: Refresh.BLOCKING,
    Endpoint.CALCULATION: Refresh.BLOCKING,
    Endpoint.SHARED: Refresh.LAZY_ASYNC,
}
READINGS: Mapping[Endpoint, Mapping[Refresh, Refresh]] = {
    Endpoint.INSIGHT: {},
    Endpoint.LIST: {},
    Endpoint.QUERY: {Refresh.FORCE_CACHE: Refresh.BLOCKING},  # R2
    Endpoint.CALCULATION: {  # R2: the shape has no place for a status
        Refresh.FORCE_CACHE: Refresh.BLOCKING,
        Refresh.ASYNC: Refresh.BLOCKING,
        Refresh.LAZY_ASYNC: Refresh.BLOCKING,
        Refresh.FORCE_ASYNC: Refresh.FORCE_BLOCKING,
        Refresh.ASYNC_EXCEPT_ON_CACHE_MISS: Refresh.BLOCKING,
    },
    Endpoint.SHARED: {  # Q9
        Refresh.FORCE_CACHE: Refresh.LAZY_ASYNC,
        Refresh.BLOCKING: Refresh.LAZY_ASYNC,
        Refresh.FORCE_BLOCKING: Refresh.BLOCKING,
        Refresh.FORCE_ASYNC: Refresh.LAZY_ASYNC,
        Refresh.ASYNC_EXCEPT_ON_CACHE_MISS: Refresh.LAZY_ASYNC,
    },
}
MODES = {mode.value: mode for mode in Refresh}
LEGACY_TRUE = frozenset({"true", "1", "yes", ""})  # api R1
LEGACY_FALSE = frozenset({"false", "0", "no"})


def read_refresh(raw: object, endpoint: Endpoint) -> Refresh:
    """The mode that a request's `refresh` means at an endpoint; None is a request without one.

    InvalidQuery `invalid_choice` for an unknown word; in a list it means the default (api P5, R1).
    """
    default = DEFAULTS[endpoint]
    if raw is None:
        return default
    text = str(raw)
    if text in MODES:
        mode = MODES[text]
    elif text.lower() in LEGACY_TRUE:
        mode = Refresh.FORCE_BLOCKING
    elif text.lower() in LEGACY_FALSE or endpoint is Endpoint.LIST:
        mode = default
    else:
        raise InvalidQuery(
            f'"{text}" is not a valid choice. Use {", ".join(Refresh)}, true or false.',
            code="invalid_choice",
            attr="refresh",
        )
    return READINGS[endpoint].get(mode, mode)


# --- freshness -----------------------------------------------------------------------------------------


def freshness(node: SourceNode, ctx: ProjectContext, last_refresh: datetime | None) -> Freshness:
    """How fresh an answer of `last_refresh` is at `ctx.now`; None when there is none.

    An age that equals a threshold still counts as below it (api R6).
    """
    if last_refresh is None:
        return Freshness.MISSING
    ages, age = AGES[interval_of(node)], ctx.now - last_refresh
    if age <= ages.default or is_closed(node, ctx, last_refresh):
        return Freshness.VERY_FRESH
    return Freshness.SOMEWHAT_FRESH if age <= ages.lazy else Freshness.STALE


def target_age(node: SourceNode, last_refresh: datetime) -> datetime:
    """Until when the answer is very fresh (api R7)."""
    return last_refresh + AGES[interval_of(node)].default


def interval_of(node: SourceNode) -> Interval:
    """The unit by which a question ages (api R5): its interval; retention: its period; tables: a minute."""
    match node:
        case RetentionQuery():
            return node.retention_filter.period.interval
        case FunnelCorrelationQuery():
            return node.source.source.interval
        case TrendsQuery() | FunnelsQuery() | StickinessQuery() | LifecycleQuery():
            return node.interval
        case PathsQuery():
            return Interval.DAY
    return Interval.MINUTE


def is_closed(node: SourceNode, ctx: ProjectContext, last_refresh: datetime) -> bool:
    """Whether the range had ended when the answer was computed, so that it can never age (api R6).

    A range that is written relatively and has moved since is another range: that answer ages.
    """
    date_range = _date_range(node)
    if date_range is None or not date_range.date_to:
        return False
    try:
        today = _resolved(node, date_range, ctx)
        then = _resolved(node, date_range, replace(ctx, now=last_refresh))
    except QueryError:  # such a date is an error of the query, not of its age
        return False
    if (today.date_from, today.date_to) != (then.date_from, then.date_to):
        return False
    return today.date_to.astimezone(UTC) < last_refresh - CLOSED_MARGIN


def _resolved(node: SourceNode, date_range: DateRange, ctx: ProjectContext) -> ResolvedRange:
    return resolve_range(date_range, interval_of(node), ctx)


def _date_range(node: SourceNode) -> DateRange | None:
    question = node.source.source if isinstance(node, FunnelCorrelationQuery) else node
    return question.date_range if isinstance(question, InsightNode) else None
