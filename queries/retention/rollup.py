"""Cells of a plain table from the hourly projection: bitmaps of actors instead of rows.

The projection knows event, hour and actor only; whatever else a question needs, it steps aside. A cell is
the size of the intersection of a cohort with those who came back in a period.
"""

from __future__ import annotations

from datetime import UTC, datetime

from queries.nodes import ActionsNode, EventsNode
from queries.retention.question import Question
from queries.sql.bitmaps import bitmap_of
from queries.sql.buckets import HOUR_OF_TS, bucket_index
from queries.sql.events import rollup
from queries.sql.fragment import Sql, bind, number, sql

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_SECONDS = 3600


def fits_rollup(question: Question) -> bool:
    """Whether the table asks for nothing but who did the events of two names, by whole hours."""
    node, options = question.node, question.options
    return (
        _is_plain(options.target)
        and _is_plain(options.returning)
        and node.properties is None
        and not (node.filter_test_accounts and question.ctx.test_account_filters)
        and node.sampling_factor in (None, 1)
        and question.breakdown is None
        and question.actor.kind != "group"
        and options.minimum_occurrences == 1
        and not (options.cumulative or question.bounds or question.is_rolling or question.has_amounts)
        and all(edge.timestamp() % HOUR_SECONDS == 0 for edge in (*question.starts, question.end))
    )


def _is_plain(entity: EventsNode | ActionsNode) -> bool:
    return isinstance(entity, EventsNode) and entity.event is not None and entity.filters is None


def rollup_cells(question: Question) -> Sql:
    """Rows (breakdown, row, column, actors, amount), as `cells` has them."""
    target, returning = _names(question)
    return sql(
        "SELECT emptyArrayString() AS breakdown, row, cell.1 AS column, cell.2 AS actors,"
        " toFloat64(0) AS amount FROM (SELECT cohort.1 AS row, arrayConcat("
        "[(toInt32(0), bitmapCardinality(cohort.2))], arrayMap(back -> (toInt32(back.1 - row),"
        " bitmapAndCardinality(cohort.2, back.2)), arrayFilter(back -> back.1 > row"
        " AND back.1 <= row + {last}, returns))) AS cells"
        " FROM (SELECT groupArrayIf((place, joining), name = {target} AND place >= 0) AS cohorts,"
        " groupArrayIf((place, actors), name = {returning} AND place >= 0) AS returns FROM ({periods}))"
        " ARRAY JOIN cohorts AS cohort) ARRAY JOIN cells AS cell WHERE actors > 0",
        last=number(question.lookahead),
        target=bind(target),
        returning=bind(returning),
        periods=_periods(question),
    )


def _names(question: Question) -> tuple[str, str]:
    target, returning = question.options.target, question.options.returning
    assert isinstance(target, EventsNode) and isinstance(returning, EventsNode)
    return target.event or "", returning.event or ""


def _periods(question: Question) -> Sql:
    """Rows (name, place, actors, joining): who did the event in a period, and whose cohort that makes."""
    found = sql(
        "SELECT name, place, {actors} AS actors FROM ({hourly})",
        actors=bitmap_of(sql("numbers"), question.actor, question.ctx),
        hourly=_hourly(question),
    )
    if not question.is_first_time:
        return sql("SELECT name, place, actors, actors AS joining FROM ({found})", found=found)
    return sql(
        "SELECT name, place, actors, bitmapAndnot(actors, groupBitmapOrState(actors) OVER ("
        "PARTITION BY name ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS joining"
        " FROM ({found})",
        found=found,
    )


def _hourly(question: Question) -> Sql:
    """Everything before the table is one period, -1: whoever did it then joins no more (semantics H5)."""
    place = sql(
        "toInt32({index})", index=bucket_index(question.interval, question.ctx, question.starts, HOUR_OF_TS)
    )
    if question.is_first_time:
        place = sql(
            "if(toStartOfHour(ts) < toDateTime({start}, 'UTC'), -1, {place})",
            start=number(int(question.starts[0].timestamp())),
            place=place,
        )
    return rollup(
        question.ctx,
        [
            sql("event AS name"),
            sql("{place} AS place", place=place),
            sql("groupBitmapState(actor_no) AS numbers"),
        ],
        first_hour=EPOCH if question.is_first_time else question.starts[0],
        last_hour=question.end,
        events=sorted(set(_names(question))),
        tail=sql("GROUP BY name, place"),
    )
