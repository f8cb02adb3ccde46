"""FunnelsQuery -> plan (semantics E).

chain.py          how far each actor got
shape_steps.py    counts and conversion times of the steps
shape_trends.py   conversion by the period of the entrance
shape_times.py    how long conversion took
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from queries.context import ProjectContext
from queries.dates import ResolvedRange, resolve_range
from queries.earliest import with_project_earliest
from queries.funnels.chain import FunnelScan, all_attempts, best_attempts, check_supported
from queries.funnels.node import FunnelsQuery, FunnelVizType
from queries.funnels.shape_steps import Value, rank_values, shape_steps
from queries.funnels.shape_times import bins_of, shape_times
from queries.funnels.shape_trends import shape_trends
from queries.plan import Plan, Result, Rows, statement
from queries.sql.buckets import bucket_key
from queries.sql.events import Span
from queries.sql.fragment import Sql, bind, number, sql


def compile_funnels(node: FunnelsQuery, ctx: ProjectContext) -> Plan:
    check_supported(node)
    return with_project_earliest(node, ctx, lambda earliest: _plan(node, ctx, earliest))


def funnel_scan(
    node: FunnelsQuery, ctx: ProjectContext, earliest: datetime | None = None
) -> tuple[FunnelScan, ResolvedRange]:
    period = resolve_range(node.date_range, node.interval, ctx, earliest=earliest)
    return FunnelScan(node, ctx, Span(period.date_from, period.events_before)), period


def _plan(node: FunnelsQuery, ctx: ProjectContext, earliest: datetime | None) -> Plan:
    if not node.series:
        return Plan((), lambda _: Result(results=[]))
    funnel, period = funnel_scan(node, ctx, earliest)
    match node.funnels_filter.funnel_viz_type:
        case FunnelVizType.TRENDS:
            return _trends(funnel, period)
        case FunnelVizType.TIME_TO_CONVERT:
            return _times(funnel, period)
        case _:
            return _steps(funnel, period)


def _steps(funnel: FunnelScan, period: ResolvedRange) -> Plan:
    if period.is_empty:
        return Plan((), lambda _: shape_steps(funnel, period, []))

    def shape(found: Sequence[Rows]) -> Result | Plan:
        shown = rank_values(funnel, found[0].rows)
        if shown is None:
            return shape_steps(funnel, period, found[0].rows)
        asked = statement(_step_rows(funnel, shown))
        return Plan((asked,), lambda merged: shape_steps(funnel, period, merged[0].rows, shown))

    return Plan((statement(_step_rows(funnel)),), shape)


def _step_rows(funnel: FunnelScan, shown: Sequence[Value] | None = None) -> Sql:
    """Rows (breakdown, step, actors, mean seconds, median seconds); steps count from 1.

    With `shown`, all other values are one: "Other" (E27).
    """
    value = sql("breakdown")
    if shown is not None:
        value = sql(
            "if(has({shown}, breakdown), breakdown, ['Other'])",
            shown=_value_lists(shown),
        )
    return sql(
        "SELECT value, step, count() AS actors, avg(seconds) AS mean,"
        " quantileExactInclusive(0.5)(seconds) AS median"
        " FROM (SELECT {value} AS value, taken.1 AS step, taken.2 AS seconds FROM ({best}) ARRAY JOIN"
        " arrayZip(arrayEnumerate(moments), arrayMap(micros -> micros / 1e6, arrayDifference(moments)))"
        " AS taken)"
        " GROUP BY value, step ORDER BY value, step",
        value=value,
        best=best_attempts(funnel),
    )


def _value_lists(values: Sequence[Value]) -> Sql:
    parts = [sql("{value}", value=bind(value, "Array(String)")) for value in values]
    listed = parts[0]
    for part in parts[1:]:
        listed = sql("{listed}, {part}", listed=listed, part=part)
    return sql("[{listed}]", listed=listed)


def _trends(funnel: FunnelScan, period: ResolvedRange) -> Plan:
    """Rows (breakdown, bucket, entered, converted): an actor counts once in every bucket (E37-E41)."""
    if period.is_empty:
        return Plan((), lambda _: shape_trends(funnel, period, []))
    rows = sql(
        "SELECT breakdown, bucket, countIf(furthest > {from_step}) AS entered,"
        " countIf(furthest > {to_step}) AS converted FROM"
        " (SELECT actor, breakdown, {bucket} AS bucket, max(level) AS furthest FROM ({attempts})"
        " GROUP BY actor, breakdown, bucket) GROUP BY breakdown, bucket",
        from_step=number(funnel.node.from_step),
        to_step=number(funnel.node.to_step),
        bucket=bucket_key(period.interval, funnel.ctx, sql("fromUnixTimestamp64Micro(entry, 'UTC')")),
        attempts=all_attempts(funnel),
    )
    return Plan((statement(rows),), lambda found: shape_trends(funnel, period, found[0].rows))


def _times(funnel: FunnelScan, period: ResolvedRange) -> Plan:
    """First how many there are and between what, then the bins (E44-E46)."""
    if period.is_empty:
        return Plan((), lambda _: shape_times(period, None, []))
    samples = sql(
        "SELECT (moments[{to_step} + 1] - moments[{from_step} + 1]) / 1e6 AS seconds"
        " FROM ({best}) WHERE level > {to_step}",
        from_step=number(funnel.node.from_step),
        to_step=number(funnel.node.to_step),
        best=best_attempts(funnel),
    )
    extent = sql("SELECT count(), min(seconds), max(seconds), avg(seconds) FROM ({s})", s=samples)

    def shape(found: Sequence[Rows]) -> Result | Plan:
        bins = bins_of(funnel.node.funnels_filter.bin_count, found[0].rows[0])
        if bins is None:
            return shape_times(period, None, [])
        counted = sql(
            "SELECT toUInt32(floor((seconds - {low}) / {width})) AS bin, count() FROM ({s}) GROUP BY bin",
            low=number(bins.low),
            width=number(bins.width),
            s=samples,
        )
        return Plan((statement(counted),), lambda rows: shape_times(period, bins, rows[0].rows))

    return Plan((statement(extent),), shape)
