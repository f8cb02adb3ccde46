"""Funnel trends: of the actors who entered in a bucket, how many converted (semantics E37-E43).

Rows out: (place, value, bucket, entered, converted). `bucket` is a key of `queries.sql.buckets`; places rank
the breakdown values by how many entered, the one after the last shown holds all others.
"""

from __future__ import annotations

from queries.funnels import ordered, unordered
from queries.funnels.attribution import attributed
from queries.funnels.question import Question
from queries.funnels.reach import reaches
from queries.funnels.runs import sweep_rows, unit_rows
from queries.funnels.steps import value_limit
from queries.funnels.sweep import sweep_of
from queries.funnels.units import Units, u64, units_of
from queries.sql.buckets import bucket_key
from queries.sql.fragment import Sql, bind, number, sql

# How far the best attempt entered in a bucket came.
ENTERED, CONVERTED = 1, 2


def entrance_counts(question: Question) -> Sql:
    if question.breakdown is None:
        return sql(
            f"SELECT 1 AS place, emptyArrayString() AS value, bucket, {_COUNTS}"
            " FROM ({rows}) GROUP BY bucket",
            rows=entrances(question),
        )
    return sql(
        f"SELECT place, any(value) AS value, bucket, {_COUNTS}"
        " FROM ({placed}) GROUP BY place, bucket ORDER BY place",
        placed=placed_entrances(question),
    )


def counted_entrances(question: Question) -> Sql:
    """Rows (value, bucket, entered, converted), values unranked."""
    return sql(
        f"SELECT value, bucket, {_COUNTS} FROM ({{rows}}) GROUP BY value, bucket", rows=entrances(question)
    )


_COUNTS = f"countIf(far >= {ENTERED}) AS entered, countIf(far >= {CONVERTED}) AS converted"


def entrances(question: Question) -> Sql:
    """Rows (actor, value, bucket, far): one per actor and bucket in which he could enter (E37, E41)."""
    if question.is_unordered:
        return _unordered(question)
    units = units_of(question)
    if question.exclusions:
        return _with_exclusions(question, units)
    return _by_bucket(
        question,
        units,
        sql(
            "SELECT actor, value, {entries} AS entries, {far} AS fars FROM ({prepared})",
            entries=_at_entries(units, sql("units")),
            far=_at_entries(
                units,
                sql(
                    "arrayMap((from_step, to_step) ->"
                    f" multiIf(to_step, {CONVERTED}, from_step, {ENTERED}, 0), {{from_}}, {{to}})",
                    from_=reaches(question, units, question.node.from_step),
                    to=reaches(question, units, question.node.to_step),
                ),
            ),
            prepared=ordered.prepared(question, units, unit_rows(question, units)),
        ),
    )


def _at_entries(units: Units, column: Sql) -> Sql:
    """The column beside the units of the first step."""
    return sql(
        "arrayFilter((value, unit) -> {code} = {first}, {column}, units)",
        code=units.code("unit"),
        first=u64(units.code_of(0)),
        column=column,
    )


def _unordered(question: Question) -> Sql:
    """Every event may begin an attempt (semantics E43)."""
    sweep = sweep_of(question)
    return _by_bucket(
        question,
        sweep.units,
        sql(
            "SELECT actor, value, units AS entries, arrayMap(level -> {far}, levels) AS fars FROM ({levels})",
            far=_far(question, "level"),
            levels=unordered.levels(sweep, sweep_rows(question, sweep)),
        ),
    )


def _far(question: Question, level: str) -> Sql:
    return sql(
        f"multiIf({level} > {{to}}, {CONVERTED}, {level} > {{from_}}, {ENTERED}, 0)",
        to=number(question.node.to_step),
        from_=number(question.node.from_step),
    )


def _by_bucket(question: Question, units: Units, rows: Sql) -> Sql:
    """The furthest of the attempts entered in each bucket. Entries are in order of time, so are buckets."""
    return sql(
        "SELECT actor, value, day.1 AS bucket, day.2 AS far FROM (SELECT actor, value, arrayMap(part ->"
        " (part[1].1, arrayMax(one -> one.2, part)), arraySplit((one, before) -> one.1 != before.1,"
        " arrayMap((entry, far) -> ({bucket}, far), entries, fars) AS found, arrayShiftRight(found, 1)))"
        " AS days FROM ({rows})) ARRAY JOIN days AS day",
        bucket=bucket_of(question, units, "entry"),
        rows=rows,
    )


def bucket_of(question: Question, units: Units, unit: str) -> Sql:
    """The key of the bucket that a unit lies in."""
    moment = sql(
        "fromUnixTimestamp64Micro(toInt64({time}) + {origin}, 'UTC')",
        time=units.time(unit),
        origin=bind(units.origin, "Int64"),
    )
    return bucket_key(question.node.interval, question.ctx, moment)


# --- with exclusions --------------------------------------------------------------------------------------


def _with_exclusions(question: Question, units: Units) -> Sql:
    """The funnel is run for each bucket on its own, with the entries of that bucket only.

    Somebody with a full attempt that an exclusion voids has no entry from attempts that came less far,
    whatever their bucket (semantics E42).
    """
    per_bucket = sql(
        "SELECT actor, value, bucket, arrayFilter(unit -> {code} != {first} OR {bucket} = bucket, all_units)"
        " AS units FROM (SELECT actor, value, units AS all_units FROM ({rows}))"
        " ARRAY JOIN arrayDistinct(arrayMap(unit -> {bucket},"
        " arrayFilter(unit -> {code} = {first}, all_units))) AS bucket",
        code=units.code("unit"),
        first=u64(units.code_of(0)),
        bucket=bucket_of(question, units, "unit"),
        rows=unit_rows(question, units),
    )
    levels = ordered.levels(question, units, per_bucket, keys="actor, value, bucket")
    return sql(
        "SELECT actor, value, day.1 AS bucket, {far} AS far FROM"
        " (SELECT actor, value, groupArray((bucket, level, furthest)) AS days,"
        " countIf(furthest > {to} AND level < furthest) > 0 AS is_void FROM ({levels}) GROUP BY actor, value)"
        " ARRAY JOIN days AS day WHERE day.2 = day.3 AND (NOT is_void OR day.2 > {to})",
        far=_far(question, "day.2"),
        to=number(question.node.to_step),
        levels=levels,
    )


# --- with a breakdown -------------------------------------------------------------------------------------


def placed_entrances(question: Question) -> Sql:
    """Rows (place, value, actor, bucket, far).

    Values are ranked by the actors who entered over all buckets (semantics E40), ties by the value. Among
    those merged somebody counts once a bucket, where he got furthest.
    """
    limit = value_limit(question)
    rank = sql("toUInt32(row_number() OVER (ORDER BY total DESC, value))")
    per_value = sql(
        f"SELECT value, countIf(far >= {ENTERED}) AS total,"
        " groupArray((actor, bucket, far)) AS found FROM ({rows}) GROUP BY value",
        rows=entrances(question),
    )
    placed = sql(
        "SELECT place, value, one.1 AS actor, one.2 AS bucket, one.3 AS far"
        " FROM (SELECT value, found, {place} AS place FROM ({per_value})) ARRAY JOIN found AS one",
        place=rank if limit is None else sql("least({rank}, {last} + 1)", rank=rank, last=number(limit)),
        per_value=per_value,
    )
    if attributed(question).is_single:
        return placed
    return sql(
        "SELECT place, any(value) AS value, actor, bucket, max(far) AS far FROM ({placed})"
        " GROUP BY place, actor, bucket",
        placed=placed,
    )
