"""How long it took to convert: the samples in bins of equal width (semantics E44-E47).

Rows out: (low, width, bins, samples, mean, bin, found): one row per bin that holds a sample, the first five
columns the same in all; seconds. No row at all: nobody converted.
"""

from __future__ import annotations

from dataclasses import replace

from queries.funnels.question import Question
from queries.funnels.runs import runs
from queries.sql.fragment import Sql, number, sql

MOST_BINS = 60  # semantics E45: when none are asked for
EMPTY_WIDTH = 60  # semantics E46: seconds, when all samples are the same


def time_bins(question: Question) -> Sql:
    collected = sql(
        "SELECT groupArray(sample) AS all_samples, intDiv(min(sample), 1000000) AS low,"
        " intDiv(max(sample) + 999999, 1000000) AS high, count() AS samples,"
        " sum(sample) / count() / 1e6 AS mean FROM ({samples}) HAVING samples > 0",
        samples=conversion_times(question),
    )
    return sql(
        "SELECT low, width, bins, samples, mean, intDiv(one - low * 1000000, width * 1000000) AS bin,"
        " count() AS found FROM (SELECT *, {bins} AS bins,"
        " if(high = low, {empty}, intDiv(high - low + bins - 1, bins)) AS width FROM ({collected}))"
        " ARRAY JOIN all_samples AS one"
        " GROUP BY low, width, bins, samples, mean, bin ORDER BY bin",
        bins=_bin_count(question),
        empty=number(EMPTY_WIDTH),
        collected=collected,
    )


def conversion_times(question: Question) -> Sql:
    """Rows (actor, sample): microseconds between the two steps, of everybody who reached the second (E44).

    A breakdown does not divide the times.
    """
    undivided = replace(question, node=question.node.model_copy(update={"breakdown_filter": None}))
    return sql(
        "SELECT actor, toInt64(times[{to}] - times[{from_}]) AS sample FROM ({runs}) WHERE level >= {to}",
        to=number(question.node.to_step + 1),
        from_=number(question.node.from_step + 1),
        runs=runs(undivided),
    )


def _bin_count(question: Question) -> Sql:
    """The cube root of the number of samples, rounded up, unless a number was asked for (semantics E45)."""
    given = question.options.bin_count
    if given is not None:
        return sql("{given}", given=number(given))
    return sql(
        f"toInt64(if(samples > {MOST_BINS**3}, {MOST_BINS},"
        f" arrayFirst(bins -> bins * bins * bins >= samples, range(1, {MOST_BINS + 1}))))"
    )
