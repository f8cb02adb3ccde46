"""A trend refreshed at the cost of what is new: buckets nothing has touched are taken from the last time.

What is kept are cells, not answers: (series, value) by bucket, for whole buckets only, under the question
without its dates. So a window that moves on, a comparison and a formula all draw on the same cells.

A kept cell is right as long as nothing it leans on has changed:

- events: the service notes with every batch which hours it touches and gives the batch a rising number.
  Cells are kept with the number of the last batch known *before* they were computed; a bucket is computed
  again when a batch of that number or a later one has touched it. The last batch counts as not yet seen,
  since it may have been on its way into the store: batches of a project are written one after the other,
  so all before it had arrived;
- persons: cells that count persons are dropped when any distinct id has moved to another person since,
  cells that filter by properties of persons or groups when anything about them has changed;
- definitions, settings and the zone are part of the key under which the cells are kept.

Whatever cannot be proven this way (breakdowns, SQL, relative dates in filters, maths that look beyond
their bucket) is computed in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import islice
from typing import Any

from queries.cache.key import mentions
from queries.context import ProjectContext
from queries.dates import ResolvedRange, bucket_starts
from queries.earliest import with_earliest
from queries.nodes import EventsNode, GroupNode, MathPropertyType, PropertyFilter, SeriesNode
from queries.plan import Plan, Result, Rows, statement
from queries.properties import as_whole, leaves
from queries.sql.buckets import key_of
from queries.trends.cells import cells
from queries.trends.node import TrendsQuery
from queries.trends.question import Question, understand
from queries.trends.ranking import unranked
from queries.trends.request import cell_request
from queries.trends.shape import shape_trends
from queries.vocabulary import Math, Operator, PropertyType

MAX_RUNS = 4  # stretches of buckets asked for separately; beyond that one that covers them all
MAX_BUCKETS_KEPT = 20_000
HOUR_SECONDS = 3600
TICK = timedelta(microseconds=1)

Cell = tuple[int, float]  # (series, value)


class Lean(IntEnum):
    """What the cells of a question depend on besides the events of their bucket."""

    NOTHING = 0
    ACTORS = 1  # who is the same person
    PROFILES = 2  # properties of persons and groups


@dataclass(frozen=True, slots=True)
class KeptCells:
    """Cells of whole buckets by bucket key; a bucket without events has none.

    `mark` is the number of the last batch known when they were asked for, `stamp` the state of identities
    (`State.stamp`).
    """

    mark: int
    stamp: int
    cells: Mapping[int, Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class State:
    """The project before the question is asked.

    `mark` is the number of the last batch, `touched` the hours (since 1970) that batches from the kept mark
    on have touched, `moved` and `revision` the last changes of who is who and of anything about persons.
    """

    mark: int
    touched: frozenset[int]
    moved: int
    revision: int

    def stamp(self, lean: Lean) -> int:
        return (0, self.moved, self.revision)[lean]


# --- which questions -------------------------------------------------------------------------------------

# Maths whose cell is an aggregate over the events of its bucket, and what it leans on.
MATHS: Mapping[Math, Lean] = {
    Math.TOTAL: Lean.NOTHING,
    Math.DAU: Lean.ACTORS,
    Math.UNIQUE_GROUP: Lean.NOTHING,
    Math.UNIQUE_SESSION: Lean.NOTHING,
    **dict.fromkeys(
        (Math.SUM, Math.AVG, Math.MIN, Math.MAX, Math.MEDIAN, Math.P75, Math.P90, Math.P95, Math.P99),
        Lean.NOTHING,
    ),
}
MATH_PROPERTIES: Mapping[MathPropertyType, Lean] = {
    MathPropertyType.EVENT: Lean.NOTHING,
    MathPropertyType.PERSON: Lean.PROFILES,
    MathPropertyType.GROUP: Lean.PROFILES,
}
FILTERS: Mapping[PropertyType, Lean] = {
    PropertyType.EVENT: Lean.NOTHING,
    PropertyType.ELEMENT: Lean.NOTHING,
    PropertyType.EVENT_METADATA: Lean.ACTORS,
    PropertyType.PERSON: Lean.PROFILES,
    PropertyType.GROUP: Lean.PROFILES,
    PropertyType.COHORT: Lean.ACTORS,
}
# Their value may be relative to now.
DATE_OPERATORS = frozenset({Operator.IS_DATE_EXACT, Operator.IS_DATE_BEFORE, Operator.IS_DATE_AFTER})


def lean_of(node: TrendsQuery, ctx: ProjectContext) -> Lean | None:
    """What the cells lean on; None when nothing may be kept of this question."""
    if _looks_beyond_buckets(node) or _has_sql(node):
        return None
    sampled = Lean.NOTHING if node.sampling_factor in (None, 1) else Lean.ACTORS
    leans = [sampled, *_series_leans(node), *(_filter_lean(leaf, ctx) for leaf in _filters(node, ctx))]
    return None if None in leans else max(lean for lean in leans if lean is not None)


def _looks_beyond_buckets(node: TrendsQuery) -> bool:
    options = node.trends_filter
    has_breakdown = node.breakdown_filter is not None and not node.breakdown_filter.is_empty
    is_smoothed = options.smoothing_intervals > 1
    is_running = any(MATHS.get(s.effective_math) is not None and _is_running(s, node) for s in node.series)
    return has_breakdown or is_smoothed or node.display.is_aggregated or is_running


def _is_running(series: SeriesNode, node: TrendsQuery) -> bool:
    """Running totals of actors count each at his first event (semantics D29)."""
    is_cumulative = node.display.value == "ActionsLineGraphCumulative"
    return is_cumulative and series.effective_math in (Math.DAU, Math.UNIQUE_GROUP)


def _has_sql(node: TrendsQuery) -> bool:
    return mentions(node.to_wire()).has_free_text


def _series_leans(node: TrendsQuery) -> Iterator[Lean | None]:
    for series in node.series:
        yield MATHS.get(series.effective_math)
        if series.math_property is not None:
            yield MATH_PROPERTIES.get(series.math_property_type or MathPropertyType.EVENT)


def _filters(node: TrendsQuery, ctx: ProjectContext) -> Iterator[PropertyFilter]:
    """Every comparison that takes part, those inside of actions and test accounts included."""
    yield from leaves(node.properties)
    if node.filter_test_accounts:
        yield from leaves(ctx.test_account_filters)
    for series in _all_series(node.series):
        yield from leaves(series.filters)
        action = ctx.actions.get(getattr(series, "id", -1)) if not isinstance(series, EventsNode) else None
        for step in action.steps if action else ():
            yield from leaves(step.properties)


def _all_series(series: Sequence[Any]) -> Iterator[SeriesNode]:
    for each in series:
        yield each
        if isinstance(each, GroupNode):
            yield from _all_series(each.nodes)


def _filter_lean(leaf: PropertyFilter, ctx: ProjectContext) -> Lean | None:
    declared = [kind for (_, name), kind in ctx.property_types.items() if name == leaf.key]
    if leaf.operator in DATE_OPERATORS or "DateTime" in declared or _is_living_cohort(leaf, ctx):
        return None
    return FILTERS.get(leaf.type)


def _is_living_cohort(leaf: PropertyFilter, ctx: ProjectContext) -> bool:
    """A cohort that was never calculated is evaluated on the spot, whatever it says."""
    cohort = ctx.cohorts.get(as_whole(leaf.value) or 0) if leaf.type is PropertyType.COHORT else None
    return cohort is not None and cohort.version is None and not cohort.is_static


# --- the plan --------------------------------------------------------------------------------------------


def refresh_plan(
    node: TrendsQuery,
    ctx: ProjectContext,
    *,
    lean: Lean,
    kept: KeptCells | None,
    state: State,
    learn: Callable[[KeptCells], None],
) -> Plan:
    """The plan of a trend that asks only for what is not known; `learn` gets what is to be kept next."""
    usable = kept if kept is not None and kept.stamp == state.stamp(lean) else None
    known = usable.cells if usable else {}
    return with_earliest(
        node, ctx, lambda earliest: _refreshed(understand(node, ctx, earliest), known, lean, state, learn)
    )


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a period: its key, where it lies, and whether the period holds all of it."""

    key: int
    start: datetime
    end: datetime
    is_whole: bool

    def is_touched(self, hours: frozenset[int]) -> bool:
        first = int(self.start.timestamp()) // HOUR_SECONDS
        last = (int(self.end.timestamp()) - 1) // HOUR_SECONDS
        if last - first > len(hours):
            return any(first <= hour <= last for hour in hours)
        return any(hour in hours for hour in range(first, last + 1))


def _refreshed(
    question: Question,
    known: Mapping[int, Sequence[Cell]],
    lean: Lean,
    state: State,
    learn: Callable[[KeptCells], None],
) -> Plan:
    buckets = [_buckets(question, period) for period in question.periods]
    untouched = _untouched(known, state.touched, question)
    asked: list[tuple[int, Sequence[Bucket]]] = []
    statements = []
    for place, of_period in enumerate(buckets):
        missing = [bucket for bucket in of_period if not bucket.is_whole or bucket.key not in untouched]
        for run in _runs(of_period, missing):
            found = cells(cell_request(question, _part(question.periods[place], run, question)))
            if found is not None:
                asked.append((place, run))
                statements.append(statement(unranked(found)))

    def shape(rows: Sequence[Rows]) -> Result:
        fresh = [dict[int, list[Cell]]() for _ in buckets]
        for (place, run), answer in zip(asked, rows, strict=True):
            fresh[place].update({bucket.key: [] for bucket in run})
            for series, _, _, key, value in answer.rows:
                fresh[place].setdefault(key, []).append((series, value))
        learn(_learnt(buckets, fresh, untouched, lean, state))
        return shape_trends(question, [_rows(b, f, untouched) for b, f in zip(buckets, fresh, strict=True)])

    return Plan(tuple(statements), shape)


def _buckets(question: Question, period: ResolvedRange) -> list[Bucket]:
    """All buckets of a period in order, weekends and the running one included."""
    if period.is_empty:
        return []
    span = question.span(period)
    assert span.start is not None and span.end is not None
    first, last = span.start.astimezone(UTC), span.end.astimezone(UTC)
    starts = list(bucket_starts(period.date_from, period.date_to, period.interval, period.week_start))
    ends = [*starts[1:], _next_start(starts[-1], period)]
    return [
        Bucket(
            key_of(period.interval, start),
            start.astimezone(UTC),
            end.astimezone(UTC),
            first <= start.astimezone(UTC) and end.astimezone(UTC) <= last,
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _next_start(start: datetime, period: ResolvedRange) -> datetime:
    later = (start.astimezone(UTC) + timedelta(days=800)).astimezone(period.zone)
    return next(islice(bucket_starts(start, later, period.interval, period.week_start), 1, None))


def _untouched(
    known: Mapping[int, Sequence[Cell]], touched: frozenset[int], question: Question
) -> Mapping[int, Sequence[Cell]]:
    """The kept cells of buckets in which nothing has arrived, wherever they lie."""
    if not touched or not known:
        return known
    period = question.periods[0]
    spoilt = {key for hour in touched for key in _keys_of_hour(hour, period)}
    return {key: found for key, found in known.items() if key not in spoilt}


def _keys_of_hour(hour: int, period: ResolvedRange) -> Iterator[int]:
    """Every bucket that an hour of universal time lies in, by its key."""
    first = datetime.fromtimestamp(hour * HOUR_SECONDS, UTC).astimezone(period.zone)
    last = datetime.fromtimestamp((hour + 1) * HOUR_SECONDS - 1, UTC).astimezone(period.zone)
    return (
        key_of(period.interval, start)
        for start in bucket_starts(first, last, period.interval, period.week_start)
    )


def _runs(of_period: Sequence[Bucket], missing: Sequence[Bucket]) -> list[Sequence[Bucket]]:
    """The missing buckets as stretches without gaps; one stretch over all when there are too many."""
    if not missing:
        return []
    wanted = {bucket.key for bucket in missing}
    runs: list[list[Bucket]] = []
    previous: int | None = None
    for place, bucket in enumerate(of_period):
        if bucket.key not in wanted:
            continue
        if previous is not None and previous == place - 1:
            runs[-1].append(bucket)
        else:
            runs.append([bucket])
        previous = place
    if len(runs) <= MAX_RUNS:
        return list(runs)
    places = [place for place, bucket in enumerate(of_period) if bucket.key in wanted]
    return [of_period[places[0] : places[-1] + 1]]


def _part(period: ResolvedRange, run: Sequence[Bucket], question: Question) -> ResolvedRange:
    """The period cut to a stretch of its buckets, to the second."""
    span = question.span(period)
    assert span.start is not None and span.end is not None
    start = max(run[0].start, span.start.astimezone(UTC))
    end = min(run[-1].end, span.end.astimezone(UTC))
    return replace(
        period,
        date_from=start.astimezone(period.zone),
        date_to=(end - TICK).astimezone(period.zone),
        is_explicit=True,  # no widening: the ends are meant as they are
        written_from=None,
        written_to=None,
    )


def _rows(
    buckets: Sequence[Bucket], fresh: Mapping[int, Sequence[Cell]], kept: Mapping[int, Sequence[Cell]]
) -> Rows:
    """Rows as a full computation gives them: (series, place, breakdown, bucket, value)."""
    return Rows(
        [
            (series, 1, [], bucket.key, value)
            for bucket in buckets
            for series, value in (fresh[bucket.key] if bucket.key in fresh else kept.get(bucket.key, ()))
        ]
    )


def _learnt(
    buckets: Sequence[Sequence[Bucket]],
    fresh: Sequence[Mapping[int, Sequence[Cell]]],
    untouched: Mapping[int, Sequence[Cell]],
    lean: Lean,
    state: State,
) -> KeptCells:
    learnt = dict(untouched)
    for of_period, found in zip(buckets, fresh, strict=True):
        whole = {bucket.key for bucket in of_period if bucket.is_whole}
        learnt.update({key: found[key] for key in found if key in whole})
    newest = sorted(learnt, reverse=True)[:MAX_BUCKETS_KEPT]
    return KeptCells(state.mark, state.stamp(lean), {key: learnt[key] for key in newest})
